"""A project with one node, and the Numerai that it reaches; the tests of `pnodes run` use the same fixtures."""

from tests.pnodes.local.fixtures import numerai, project

__all__ = ["numerai", "project"]
