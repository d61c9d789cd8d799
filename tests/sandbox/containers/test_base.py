"""Which stand-in takes the place of which public image, and what is said where none can be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox.containers import base
from sandbox.containers.base import Bases, NoBaseError, StandIn, stand_in
from sandbox.containers.engine import ContainerEngine

EMPTY = ContainerEngine("podman", "/bin/false")  # has no image, and every command fails


@pytest.mark.parametrize(
    ("image", "name", "suite"),
    [
        ("python:3.12-slim", "stand-in-python", "trixie"),
        ("docker.io/library/python:3.13-slim-bookworm", "stand-in-python", "trixie"),
        ("python:3.11-slim", "stand-in-python", "bookworm"),
        ("python:3.9", "stand-in-python", "bookworm"),
        ("python:3", "stand-in-python", "trixie"),
        ("python", "stand-in-python", "trixie"),
        ("rocker/r-ver:4.6.0", "stand-in-r", "trixie"),
        ("r-base:4.5.1", "stand-in-r", "trixie"),
    ],
)
def test_what_stands_for_an_image(image: str, name: str, suite: str) -> None:
    found = stand_in(image)
    assert found is not None
    assert (found.name, found.suite) == (name, suite)
    assert found.reference.startswith(f"localhost/prediction-nodes/{name}:{suite}-")


@pytest.mark.parametrize("image", ["alpine", "ghcr.io/someone/python:3.12", "python:2.7", "python:3.12-alpine"])
def test_nothing_stands_for_others(image: str) -> None:
    assert stand_in(image) is None


def test_another_recipe_is_another_image() -> None:
    first = StandIn("a", "trixie", ("x",), (), "x", "")
    assert first.reference != StandIn("a", "trixie", ("x", "y"), (), "x", "").reference


def test_docker_hub_is_used_where_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "reachable", lambda _url: True)
    bases = Bases(EMPTY, tmp_path)
    assert bases.available() == "base images come from Docker Hub"
    said: list[str] = []
    assert (bases.find("python:3.12-slim", said.append), said) == ("python:3.12-slim", [])


@pytest.mark.parametrize(
    ("tool", "reached", "reason"),
    [
        (None, "", "mmdebstrap is not installed to make a stand-in"),
        ("/usr/bin/mmdebstrap", "", "neither Docker Hub nor Debian's mirror can be reached"),
    ],
)
def test_why_there_is_no_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str | None, reached: str, reason: str
) -> None:
    monkeypatch.setattr(base, "reachable", lambda url: bool(reached) and reached in url)
    monkeypatch.setattr(shutil, "which", lambda _name: tool)
    with pytest.raises(NoBaseError, match=reason):
        Bases(EMPTY, tmp_path).available()


def test_a_stand_in_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "reachable", lambda url: "debian" in url)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/mmdebstrap")
    bases, said = Bases(EMPTY, tmp_path), list[str]()
    assert "Debian packages stand for python" in bases.available()
    monkeypatch.setattr(Bases, "make", lambda *_: None)
    found = bases.find("python:3.12-slim", said.append)
    assert found.startswith("localhost/prediction-nodes/stand-in-python:trixie-")
    assert " ".join(said) == (
        "python:3.12-slim cannot be pulled: no answer from Docker Hub. "
        "A stand-in takes its place: Debian trixie with Python 3.13."
    )
    assert bases.find("alpine", said.append) == "alpine"
