"""A Numerai server that programs in any language reach under its real name, through the sandbox's gateway with TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.numerai.app import Numerai
from tests.sandbox.networked import networked_numerai


@dataclass
class Reachable:
    """Numerai, and the environment in which a process reaches it and nothing else."""

    numerai: Numerai
    environment: dict[str, str]


@contextmanager
def reachable_numerai(home: Path) -> Iterator[Reachable]:
    with networked_numerai(home, post=lambda _url, _body: (202, 0.01, "{}")) as (server, network):
        yield Reachable(server, network.environment("job/test"))
