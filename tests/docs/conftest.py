"""Pages whose commands run against a deployed stack need the worlds of tests/e2e."""

from tests.e2e.fixtures import environments, make_world

__all__ = ["environments", "make_world"]
