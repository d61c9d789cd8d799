"""The executables next to a built engine find the checkout by their own path, and the program's interpreter."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes.engine import shims

Executable = Callable[[Path, str], Path]
PRINT_CALL = 'echo "$0" "$@"'


@pytest.fixture
def checkout(tmp_path: Path, executable: Executable) -> Path:
    """Create a checkout, with a space in its path and an interpreter that prints its arguments."""
    root = tmp_path / "my checkout"
    executable(root / ".venv" / "bin" / "python", PRINT_CALL)
    folder = root / ".tools" / "pulumi" / "bin"
    folder.mkdir(parents=True)
    shims.write(folder)
    return root


def run(shim: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shim as the engine does."""
    return subprocess.run(
        [str(shim), *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
    )


def test_the_language_host_works_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    done = run(checkout / ".tools/pulumi/bin/pulumi-language-python", "127.0.0.1:1 2", cwd=tmp_path)
    assert done.stdout == f"{checkout}/.venv/bin/python -P -u -m pnodes.engine.language_host 127.0.0.1:1 2\n"


def test_the_dynamic_provider_uses_the_program_s_environment(
    checkout: Path, tmp_path: Path, executable: Executable
) -> None:
    executable(tmp_path / "program" / "venv" / "bin" / "python", PRINT_CALL)
    shim = checkout / ".tools/pulumi/bin/pulumi-resource-pulumi-python"
    relative = run(shim, "x", cwd=tmp_path / "program", PULUMI_RUNTIME_VIRTUALENV="venv")
    assert relative.stdout == f"{tmp_path}/program/venv/bin/python -u -m pulumi.dynamic x\n"
    without = run(shim, "x", cwd=tmp_path)
    assert without.stdout == f"{checkout}/.venv/bin/python -u -m pulumi.dynamic x\n"


@pytest.mark.parametrize("name", ["pulumi-language-python", "pulumi-resource-pulumi-python"])
def test_without_an_environment_the_error_gives_the_remedy(checkout: Path, tmp_path: Path, name: str) -> None:
    (checkout / ".venv/bin/python").unlink()
    done = run(checkout / ".tools/pulumi/bin" / name, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "is missing; run 'make setup' in" in done.stderr
