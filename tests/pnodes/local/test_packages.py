"""Python environments are cached by their content, and installing leaves no trace in the source."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from pnodes.errors import UserError
from pnodes.local import packages
from pnodes.local.python import choose, find_uv, parse_image_version
from providers.images.layout import build_layout
from providers.images.recipe import read

DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt more.txt wheels/*.whl ./
RUN pip install --no-cache-dir --no-index -r requirements.txt
COPY . .
"""


def wheel(folder: Path, text: str) -> Path:
    """Write a wheel with one module, `tiny`, without a build tool."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    folder.mkdir(exist_ok=True)
    files = {
        "tiny.py": f"TEXT = {text!r}\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, "tiny-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**files, "tiny-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    context = tmp_path / "context"
    context.mkdir()
    wheel(context / "wheels", "first")
    (context / "requirements.txt").write_text("-r more.txt\n")
    (context / "more.txt").write_text("./tiny-1.0-py3-none-any.whl\n")
    (context / "predict.py").write_text("import tiny\n")
    return context


def prepare(root: Path, messages: list[str], dockerfile: str = DOCKERFILE) -> Path:
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    recipe = read(dockerfile, {})
    paths = build_layout(recipe, root, files)
    return packages.prepare_environment(
        recipe, paths, choose(None, None), root.parent / "cache", os.environ, messages.append
    )


def text_of(environment: Path) -> str:
    command = [str(environment / "bin" / "python"), "-c", "import tiny; print(tiny.TEXT)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_an_environment_is_created_once_for_its_packages(
    root: Path, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    if tool == "pip":
        monkeypatch.setattr(packages, "find_uv", lambda: None)
    messages: list[str] = []
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    first = prepare(root, messages)
    assert text_of(first) == "first"
    (root / "predict.py").write_text("import tiny, os\n")
    assert prepare(root, messages) == first
    assert len(messages) == 1
    wheel(root / "wheels", "second")
    second = prepare(root, messages)
    assert second != first
    assert text_of(second) == "second"
    assert {path for path in root.rglob("*") if path.is_file()} == before.keys()


def test_nested_requirements_files_count(root: Path) -> None:
    first = prepare(root, [])
    (root / "more.txt").write_text("# nothing\n")
    assert prepare(root, []) != first


def test_a_failed_install_is_reported_and_leaves_no_complete_environment(root: Path) -> None:
    (root / "more.txt").write_text("no-such-package-anywhere\n")
    with pytest.raises(UserError, match=r"install .* failed with exit code"):
        prepare(root, [])
    assert list((root.parent / "cache").glob("environments/*/complete")) == []


def test_unused_environments_are_deleted(root: Path) -> None:
    first = prepare(root, [])
    os.utime(first / "complete", (0, 0))
    wheel(root / "wheels", "second")
    prepare(root, [])
    assert not first.exists()


@pytest.mark.parametrize(
    ("base", "minor"),
    [
        ("python:3.12-slim", "3.12"),
        ("docker.io/library/python:3.11.9-bookworm", "3.11"),
        ("python:3-slim", None),
        ("rocker/r-ver:4.6.0", None),
        ("someone/cpython:3.12", None),
    ],
)
def test_the_version_of_a_base_image_is_parsed(base: str, minor: str | None) -> None:
    assert parse_image_version(base) == minor


def test_a_version_manager_s_shim_without_that_version_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho 'python3.99: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert choose("3.99", find_uv()).minor != "3.99"
