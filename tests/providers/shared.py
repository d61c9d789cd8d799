"""Programs that the tests of a file share and only read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

import pytest

from docs.generate.recorder import make_model

Made = TypeVar("Made")


def share_folder(factory: pytest.TempPathFactory, make_program: Callable[[str], Made]) -> Callable[[str], Made]:
    """Return `make_program` for fixtures of a module: it works in a folder that a file's tests share."""
    folder = factory.mktemp("shared")
    make_model(folder)

    def make(text: str) -> Made:
        with contextlib.chdir(folder):
            return make_program(text)

    return make
