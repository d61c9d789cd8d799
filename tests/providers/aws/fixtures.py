"""Fixtures: a program of AWS nodes under Pulumi's mocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docs.generate.mocks.aws import Mocks
from docs.generate.recorder import make_model, register
from tests.providers.aws.program import Program
from tests.providers.shared import share_folder


def make_program(text: str, project: str = "prediction-nodes", stack_name: str = "dev") -> Program:
    """Register the nodes in the text of a nodes.yaml."""
    return Program(*register(Mocks(), text, project, stack_name))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Return a function that registers the nodes in the text of a nodes.yaml."""
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path)
    return make_program


@pytest.fixture(scope="module")
def shared_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Program]:
    """Return a function like that of `program`, for what a file's tests share and only read."""
    return share_folder(tmp_path_factory, make_program)
