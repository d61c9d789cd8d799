"""Fixtures of worlds: a project folder, the real engine and a sandbox. tests/docs uses the same fixtures."""

from tests.e2e.fixtures import environments, make_world

__all__ = ["environments", "make_world"]
