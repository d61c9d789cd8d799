"""Nodes that share a folder read its files once; a file that changes is read again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from providers.images.context import BuildContext, ContextError
from providers.images.once import read_once

KEY = f'secret_key = "{"G1" * 32}"\n'


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with two files that were last changed an hour ago."""
    for name, text in {"Dockerfile": "FROM scratch\nCOPY . .\n", "predict.py": "print()\n"}.items():
        write(tmp_path / name, text, hours=1)
    return tmp_path


def write(path: Path, text: str, hours: float = 0) -> None:
    path.write_text(text)
    changed = time.time() - hours * 3600
    os.utime(path, (changed, changed))


def open_context(model: Path) -> BuildContext:
    return BuildContext(model, model / "Dockerfile")


def test_the_files_of_a_folder_are_read_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = open_context(model).digest
    open_context(model).check()

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert open_context(model).digest == digest
    open_context(model).check()


def test_a_changed_file_is_read_again(model: Path) -> None:
    digest = open_context(model).digest
    open_context(model).check()
    write(model / "predict.py", "exit()\n", hours=1)  # the same size and time
    assert open_context(model).digest != digest
    write(model / "predict.py", KEY, hours=1)
    with pytest.raises(ContextError, match="a Numerai API key"):
        open_context(model).check()


def test_a_file_that_has_just_changed_is_always_read(tmp_path: Path) -> None:
    reads: list[Path] = []
    read = read_once(reads.append)
    for hours, expected in ((0, 2), (1, 1)):
        reads.clear()
        write(tmp_path / "file", "", hours)
        facts = (tmp_path / "file").stat()
        read(tmp_path / "file", facts)
        read(tmp_path / "file", facts)
        assert len(reads) == expected
