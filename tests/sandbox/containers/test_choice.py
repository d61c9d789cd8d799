"""The choice of a sandbox's executor, and the reason given for it."""

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


def choose_executor(executor: str, home: Path) -> Choice:
    return choose(executor, home, home / "cache", Store(home), Network(9, home / "ca.pem"))


def fails(error: Exception) -> object:
    def raising(*_: object) -> object:
        raise error

    return raising


def test_process_does_not_try_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find", fails(AssertionError("tried an engine")))
    chosen = choose_executor("process", tmp_path)
    assert (chosen.executor, chosen.reason) == ("process", "as requested")
    assert isinstance(chosen.images, Images)
    assert isinstance(chosen.runner, ProcessRunner)


@pytest.mark.parametrize("where", ["find", "Bases", "Registry"])
def test_auto_falls_back_with_the_reason_and_container_fails(
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
    chosen = choose_executor("auto", tmp_path)
    assert (chosen.executor, chosen.reason) == (
        "process",
        f"containers are not available, because {errors[where]}",
    )
    with pytest.raises(CannotContainError, match=str(errors[where])):
        choose_executor("container", tmp_path)
