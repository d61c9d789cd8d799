"""The fixtures of tests/e2e, for pages whose commands run against a deployed stack."""

from tests.e2e.fixtures import environments, make_world

__all__ = ["environments", "make_world"]
