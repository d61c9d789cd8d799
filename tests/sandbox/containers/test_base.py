"""The substitutes for public images, and the errors if none is available."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox.containers import base
from sandbox.containers.base import Bases, NoBaseError, Substitute, find_substitute
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
        ("ghcr.io/numerai/numerai_predict_py_3_13:stable", "stand-in-python", "trixie"),
    ],
)
def test_the_substitute_of_an_image(image: str, name: str, suite: str) -> None:
    substitute = find_substitute(image)
    assert substitute is not None
    assert (substitute.name, substitute.suite) == (name, suite)
    assert substitute.reference.startswith(f"localhost/prediction-nodes/{name}:{suite}-")


@pytest.mark.parametrize(
    ("image", "library", "build_tools"),
    [("python:3.12-slim", False, False), ("python:3.12", True, False), ("python:3.11-slim", False, True),
     ("python:3.11", True, True), ("python:3", True, False)],
)  # fmt: skip
def test_a_substitute_has_what_packages_expect_of_docker_s_image(image: str, library: bool, build_tools: bool) -> None:
    substitute = find_substitute(image)
    assert substitute is not None
    assert ("libgomp1" in substitute.packages) is library, "images with compilers have OpenMP's library"
    assert ("python3-setuptools-whl" in substitute.packages) is build_tools
    assert any("wheels/setuptools-*.whl" in hook for hook in substitute.hooks) is build_tools


@pytest.mark.parametrize("image", ["alpine", "ghcr.io/someone/python:3.12", "python:2.7", "python:3.12-alpine"])
def test_other_images_have_no_substitute(image: str) -> None:
    assert find_substitute(image) is None


def test_a_changed_recipe_gives_a_new_image() -> None:
    first = Substitute("a", "trixie", ("x",), (), "x", "")
    assert first.reference != Substitute("a", "trixie", ("x", "y"), (), "x", "").reference


def test_docker_hub_is_used_if_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "reachable", lambda _url: True)
    bases = Bases(EMPTY, tmp_path)
    assert bases.available() == "base images come from Docker Hub"
    log: list[str] = []
    assert (bases.find("python:3.12-slim", log.append), log) == ("python:3.12-slim", [])


@pytest.mark.parametrize(
    ("tool", "reached", "reason"),
    [
        (None, "", "mmdebstrap is not installed to build a substitute"),
        ("/usr/bin/mmdebstrap", "", "neither Docker Hub nor Debian's mirror can be reached"),
    ],
)
def test_the_reason_for_a_missing_base_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str | None, reached: str, reason: str
) -> None:
    monkeypatch.setattr(base, "reachable", lambda url: bool(reached) and reached in url)
    monkeypatch.setattr(shutil, "which", lambda _name: tool)
    with pytest.raises(NoBaseError, match=reason):
        Bases(EMPTY, tmp_path).available()


def test_the_log_names_a_substitute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "reachable", lambda url: "debian" in url)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/mmdebstrap")
    bases, log = Bases(EMPTY, tmp_path), list[str]()
    assert "Debian packages replace the python" in bases.available()
    monkeypatch.setattr(Bases, "make", lambda *_: None)
    reference = bases.find("python:3.12-slim", log.append)
    assert reference.startswith("localhost/prediction-nodes/stand-in-python:trixie-")
    assert " ".join(log) == (
        "python:3.12-slim cannot be pulled: Docker Hub does not answer. "
        "Using a substitute: Debian trixie with Python 3.13."
    )
    assert bases.find("alpine", log.append) == "alpine"
