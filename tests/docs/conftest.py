"""The fixtures of tests/e2e and tests/pnodes, for pages whose commands run against a deployed stack."""

from tests.e2e.fixtures import environments, make_world
from tests.pnodes.deployed_stack import deployed
from tests.pnodes.scored import scored
from tests.pnodes_command import pnodes

__all__ = ["deployed", "environments", "make_world", "pnodes", "scored"]
