"""A Numerai server that programs in any language reach under its real name."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.numerai.app import Numerai


@dataclass
class Reachable:
    """Numerai, and the environment in which a process reaches it and nothing else."""

    numerai: Numerai
    environment: dict[str, str]
