"""Serve Numerai to programs in any language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.reachable import Reachable, reachable_numerai


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[Reachable]:
    with reachable_numerai(tmp_path / "home") as reachable:
        yield reachable
