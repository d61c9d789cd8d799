"""Which executor a sandbox gets, and what it says of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.containers import choice
from sandbox.containers.base import NoBaseError
from sandbox.containers.choice import CannotContainError, Choice, choose
from sandbox.containers.engine import ContainerEngine, NoEngineError
from sandbox.containers.registry import NoRegistryError
from sandbox.images import Images
from sandbox.network import Network
from sandbox.processes import ProcessRunner
from sandbox.store import Store


def chosen(wanted: str, home: Path) -> Choice:
    return choose(wanted, home, home / "cache", Store(home), Network(9, home / "ca.pem"))


def fails(error: Exception) -> object:
    def raising(*_: object) -> object:
        raise error

    return raising


def test_processes_when_asked_for_try_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find", fails(AssertionError("tried an engine")))
    found = chosen("process", tmp_path)
    assert (found.executor, found.reason) == ("process", "as asked for")
    assert isinstance(found.images, Images)
    assert isinstance(found.runner, ProcessRunner)


@pytest.mark.parametrize("where", ["find", "Bases", "Registry"])
def test_auto_falls_back_with_the_reason_and_container_insists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    class Ready:
        def __init__(self, *_: object) -> None:
            pass

        def available(self) -> str:
            return "bases"

    errors = {
        "find": NoEngineError("there is no engine"),
        "Bases": NoBaseError("there is no base"),
        "Registry": NoRegistryError("there is no registry"),
    }
    monkeypatch.setattr(choice, "find", lambda _home: ContainerEngine("podman", "/bin/true"))
    monkeypatch.setattr(choice, "Bases", Ready)
    monkeypatch.setattr(choice, where, fails(errors[where]))
    found = chosen("auto", tmp_path)
    assert (found.executor, found.reason) == ("process", f"not in containers, because {errors[where]}")
    with pytest.raises(CannotContainError, match=str(errors[where])):
        chosen("container", tmp_path)
