"""Fixtures: a program of AWS nodes under Pulumi's mocks."""

from __future__ import annotations

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
