"""Fixtures for the commands: a deployed stack, a project with a model, Numerai, and Numerai's scores."""

from tests.pnodes.deployed_stack import deployed
from tests.pnodes.local.fixtures import numerai, project
from tests.pnodes.scored import scored

__all__ = ["deployed", "numerai", "project", "scored"]
