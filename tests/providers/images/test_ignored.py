"""`.dockerignore` as Docker reads it: the last pattern that matches a path, or a folder above it, decides."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from providers.images.ignored import DEBRIS, patterns, walk

FILES = [
    "Dockerfile",
    "a.log",
    "a.py",
    "data/big.csv",
    "data/deep/b.log",
    "data/deep/keep.csv",
    "data/small.csv",
    "node_modules/x/y.js",
    "src/node_modules/z.js",
    "src/p.py",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", FILES),
        ("*", []),
        ("# data\n\n  \ndata\nnode_modules\nsrc", ["Dockerfile", "a.log", "a.py"]),
        ("*\n!src", ["src/node_modules/z.js", "src/p.py"]),
        ("*\n!src\nsrc/node_modules", ["src/p.py"]),
        ("*\n!data/small.csv", ["data/small.csv"]),
        ("**\n!**/*.py", ["a.py", "src/p.py"]),
        ("data/\n! data/deep/keep.csv", [each for each in FILES if "data" not in each] + ["data/deep/keep.csv"]),
        ("/data\n./src/\n*/x", ["Dockerfile", "a.log", "a.py"]),
        (
            "**/*.log\ndata/../data/*.csv\n**/node_modules\n!src/node_modules",
            ["Dockerfile", "a.py", "data/deep/keep.csv", "src/node_modules/z.js", "src/p.py"],
        ),
        ("!a.py\n*.py", [each for each in FILES if each != "a.py"]),
        ("data/d??p", [each for each in FILES if "deep" not in each]),
    ],
)
def test_what_is_left(folder: Path, text: str, left: list[str]) -> None:
    assert sorted(path for path, _ in walk(folder, patterns(text))) == sorted(left)


def test_without_an_ignore_file_the_usual_debris_stays(folder: Path) -> None:
    (folder / "src" / "__pycache__").mkdir()
    (folder / "src" / "__pycache__" / "p.pyc").write_text("")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("")
    left = [path for path, _ in walk(folder, DEBRIS)]
    assert left == [each for each in FILES if "node_modules" not in each]


def test_an_empty_folder_is_there_and_one_of_ignored_files_is_not(folder: Path) -> None:
    (folder / "models").mkdir()
    (folder / "logs").mkdir()
    (folder / "logs" / "a.log").write_text("")
    left = [path for path, _ in walk(folder, ["**/*.log"])]
    assert "models/" in left
    assert "logs/" not in left


def test_what_cannot_be_read_as_a_file_is_left_out(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(folder)
    try:
        listening.bind("socket")
    finally:
        os.chdir(here)
        listening.close()
    assert [path for path, _ in walk(folder, [])] == FILES
