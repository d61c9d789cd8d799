"""The fixture that runs `pnodes` as a user does."""

from tests.pnodes_command import pnodes

__all__ = ["pnodes"]
