"""The fixtures for a project and its Numerai, which the tests of `pnodes run` use too."""

from tests.pnodes.local.fixtures import numerai, project

__all__ = ["numerai", "project"]
