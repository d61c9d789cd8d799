"""Numerai without a network, as the tests of its client have it."""

from tests.providers.numerai.fixtures import wire

__all__ = ["wire"]
