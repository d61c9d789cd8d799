"""What most tests of the sandbox need; tests/providers uses it too."""

from tests.sandbox.fixtures import kernel

__all__ = ["kernel"]
