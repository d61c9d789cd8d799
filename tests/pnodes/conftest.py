"""The command line as a person calls it."""

from tests.pnodes_command import pnodes

__all__ = ["pnodes"]
