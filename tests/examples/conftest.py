"""Serve Numerai under its real name to programs in any language, through the sandbox's gateway with TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.reachable import Reachable
from tests.sandbox.networked import networked_numerai


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[Reachable]:
    with networked_numerai(tmp_path / "home", post=lambda _url, _body: (202, 0.01, "{}")) as (server, network):
        yield Reachable(server, network.environment("job/test"))
