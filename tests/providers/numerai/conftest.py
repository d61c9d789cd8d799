"""Numerai without a network; the doctor's tests use the same fixture."""

from tests.providers.numerai.fixtures import wire

__all__ = ["wire"]
