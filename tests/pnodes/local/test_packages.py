"""Python environments: what is installed, kept by content, without a trace in the source."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from pnodes.local import packages
from pnodes.local.python import choose, find_uv, of_image
from pnodes.local.refused import CannotRun
from providers.images.layout import layout
from providers.images.recipe import read

DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt more.txt wheels/*.whl ./
RUN pip install --no-cache-dir --no-index -r requirements.txt
COPY . .
"""


def wheel(folder: Path, text: str) -> Path:
    """A wheel with one module, `tiny`, made without any build tool."""
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


def make(root: Path, said: list[str], dockerfile: str = DOCKERFILE) -> Path:
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    recipe = read(dockerfile, {})
    found = layout(recipe, root, files)
    return packages.environment(recipe, found, choose(None, None), root.parent / "cache", os.environ, said.append)


def text_of(environment: Path) -> str:
    asked = [str(environment / "bin" / "python"), "-c", "import tiny; print(tiny.TEXT)"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_made_once_for_what_is_installed(root: Path, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    if tool == "pip":
        monkeypatch.setattr(packages, "find_uv", lambda: None)
    said: list[str] = []
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    first = make(root, said)
    assert text_of(first) == "first"
    (root / "predict.py").write_text("import tiny, os\n")
    assert make(root, said) == first
    assert len(said) == 1
    wheel(root / "wheels", "second")
    second = make(root, said)
    assert second != first
    assert text_of(second) == "second"
    assert {path for path in root.rglob("*") if path.is_file()} == before.keys()


def test_what_a_requirements_file_names_counts(root: Path) -> None:
    first = make(root, [])
    (root / "more.txt").write_text("# nothing\n")
    assert make(root, []) != first


def test_what_cannot_be_installed_is_a_sentence_and_leaves_nothing_half_done(root: Path) -> None:
    (root / "more.txt").write_text("no-such-package-anywhere\n")
    with pytest.raises(CannotRun, match=r"install .* failed with exit code"):
        make(root, [])
    assert list((root.parent / "cache").glob("environments/*/complete")) == []


def test_environments_that_nobody_uses_go(root: Path) -> None:
    first = make(root, [])
    os.utime(first / "complete", (0, 0))
    wheel(root / "wheels", "second")
    make(root, [])
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
def test_the_version_that_a_base_image_names(base: str, minor: str | None) -> None:
    assert of_image(base) == minor


def test_a_version_managers_empty_promise_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho 'python3.99: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert choose("3.99", find_uv()).minor != "3.99"
