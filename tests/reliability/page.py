"""Writes the figures of docs/reliability.md: the tables between its markers."""

from __future__ import annotations

from tests.reliability.results import Result


def rewrite(results: list[Result]) -> None:
    """Replace the tables."""
