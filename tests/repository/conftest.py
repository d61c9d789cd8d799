"""Fixtures: Numerai without a network."""

from tests.providers.numerai.fixtures import wire

__all__ = ["wire"]
