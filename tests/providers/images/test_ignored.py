"""`.dockerignore` works as in Docker: the last pattern that matches a path, or a folder above it, decides."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
from docker.utils import build
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from providers.images.ignored import DEBRIS, Pattern, parse_patterns, walk

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
        ("data/\n! data/deep/keep.csv", [path for path in FILES if "data" not in path] + ["data/deep/keep.csv"]),
        ("/data\n./src/\n*/x", ["Dockerfile", "a.log", "a.py"]),
        (
            "**/*.log\ndata/../data/*.csv\n**/node_modules\n!src/node_modules",
            ["Dockerfile", "a.py", "data/deep/keep.csv", "src/node_modules/z.js", "src/p.py"],
        ),
        ("!a.py\n*.py", [path for path in FILES if path != "a.py"]),
        ("data/d??p", [path for path in FILES if "deep" not in path]),
    ],
)
def test_files_that_are_not_ignored(folder: Path, text: str, left: list[str]) -> None:
    assert sorted(path for path, _ in walk(folder, parse_patterns(text))) == sorted(left)


_TEXT = st.text(st.sampled_from("aAb0-.^!?*[]/\\ é"), max_size=8)


@settings(max_examples=2000, deadline=None)
@given(_TEXT, _TEXT)
@example("**/b", "a/b")
@example("a/***/b", "a/x/y/b")
@example("[]-a]b", "]b")
@example("![^a]*[!a-b]?", "^.0é")
@example("../a/../../B/./", "b")
def test_a_pattern_matches_as_in_the_docker_package(text: str, path: str) -> None:
    theirs, path = build.Pattern(text), "/".join(filter(None, path.split("/")))
    try:
        expected = theirs.match(path)
    except re.error:
        assume(False)
    ours = Pattern(text)
    assert (ours.exclusion, ours.path, ours.match(path)) == (theirs.exclusion, theirs.cleaned_pattern, expected)


def test_without_an_ignore_file_the_usual_debris_is_left_out(folder: Path) -> None:
    (folder / "src" / "__pycache__").mkdir()
    (folder / "src" / "__pycache__" / "p.pyc").write_text("")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("")
    left = [path for path, _ in walk(folder, DEBRIS)]
    assert left == [path for path in FILES if "node_modules" not in path]


def test_empty_folders_are_listed_but_not_folders_of_ignored_files(folder: Path) -> None:
    (folder / "models").mkdir()
    (folder / "logs").mkdir()
    (folder / "logs" / "a.log").write_text("")
    left = [path for path, _ in walk(folder, ["**/*.log"])]
    assert "models/" in left
    assert "logs/" not in left


def test_pipes_and_sockets_are_left_out(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    cwd = Path.cwd()
    os.chdir(folder)
    try:
        listening.bind("socket")
    finally:
        os.chdir(cwd)
        listening.close()
    assert [path for path, _ in walk(folder, [])] == FILES
