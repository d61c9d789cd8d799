"""Fixtures: Numerai without a network. The doctor's tests use the same fixture."""

from tests.providers.numerai.fixtures import wire

__all__ = ["wire"]
