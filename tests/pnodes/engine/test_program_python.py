"""The interpreter and the environment of a program."""

import sys
from pathlib import Path

import pytest

from pnodes.engine import dependencies, program_python
from pnodes.engine.program_python import NoInterpreter, ProgramPython


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"virtualenv": ".venv"}, "/project/.venv"),
        ({"virtualenv": "/elsewhere/venv"}, "/elsewhere/venv"),
        ({"toolchain": "uv"}, "/project/.venv"),
        ({"toolchain": "uv", "virtualenv": "other"}, "/project/other"),
        ({"toolchain": "pip"}, None),
        ({}, None),
    ],
)
def test_the_environment_of_the_options(options: dict[str, str], expected: str | None) -> None:
    venv = program_python.venv_path("/project", options)
    assert venv == (Path(expected) if expected else None)


def test_a_project_without_an_environment_uses_the_host_s_interpreter() -> None:
    assert program_python.resolve("/project", {}).executable == Path(sys.executable)


def test_a_missing_environment_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NoInterpreter, match=r"names the virtual environment .*/\.venv, but .* `make setup`"):
        program_python.resolve(str(tmp_path), {"virtualenv": ".venv"})


def test_the_environment_is_activated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PATH", "/usr/bin")
    environment = ProgramPython(tmp_path / "bin" / "python", tmp_path).environment()
    assert environment["PATH"] == f"{tmp_path}/bin:/usr/bin"
    assert environment["VIRTUAL_ENV"] == str(tmp_path)
    assert "PYTHONHOME" not in environment


def test_facts_name_packages_and_plugins() -> None:
    python = ProgramPython(Path(sys.executable), None)
    facts = python.facts()
    assert facts["version"].startswith("3.")
    assert "pulumi" in facts["packages"]
    assert {"aws", "gcp", "azure-native"} <= {plugin["name"] for plugin in python.plugins()}


def test_install_uses_uv_if_it_is_installed(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    with_uv = dependencies.list_commands(tmp_path / "venv", requirements, "/bin/uv")
    python = str(tmp_path / "venv/bin/python")
    assert with_uv == [
        ["/bin/uv", "venv", str(tmp_path / "venv")],
        ["/bin/uv", "pip", "install", "--python", python, "-r", str(requirements)],
    ]
    without = dependencies.list_commands(tmp_path / "venv", requirements, None)
    assert without == [
        [sys.executable, "-m", "venv", str(tmp_path / "venv")],
        [python, "-m", "pip", "install", "-r", str(requirements)],
    ]


def test_a_failed_command_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "list_commands", lambda *_: [["sh", "-c", "echo output; exit 3"]])
    lines = dependencies.install(str(tmp_path), str(tmp_path), {})
    assert next(lines) == b"output\n"
    with pytest.raises(dependencies.InstallFailed, match="exit code 3"):
        next(lines)
