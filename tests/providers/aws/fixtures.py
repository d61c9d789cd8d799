"""Fixtures: a program of AWS nodes under Pulumi's mocks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.generate.mocks.aws import Mocks
from docs.generate.recorder import make_model, register
from tests.providers.aws.program import Program


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Return a function that registers the nodes in the text of a nodes.yaml."""
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path)

    def make_program(text: str, project: str = "prediction-nodes", stack_name: str = "dev") -> Program:
        return Program(*register(Mocks(), text, project, stack_name))

    return make_program


@pytest.fixture(scope="module")
def shared_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Program]:
    """Return a function like that of `program`, for what a file's tests share and only read."""
    folder = tmp_path_factory.mktemp("shared")
    make_model(folder)

    def make_program(text: str) -> Program:
        with contextlib.chdir(folder):
            return Program(*register(Mocks(), text, "prediction-nodes", "dev"))

    return make_program
