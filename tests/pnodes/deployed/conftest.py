"""Fixtures: the sandbox's Numerai, for what it says about scores."""

from tests.pnodes.scored import scored

__all__ = ["scored"]
