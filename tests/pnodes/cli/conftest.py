"""Fixtures for the commands: a deployed stack, a project with a model, Numerai."""

from tests.pnodes.deployed_stack import deployed
from tests.pnodes.local.fixtures import numerai, project

__all__ = ["deployed", "numerai", "project"]
