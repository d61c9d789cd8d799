"""The fake Numerai API of the client's tests."""

from tests.providers.numerai.fixtures import wire

__all__ = ["wire"]
