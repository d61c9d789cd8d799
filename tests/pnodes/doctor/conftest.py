"""Numerai's answers without a network, as the tests of its client have them."""

from tests.providers.numerai.conftest import wire

__all__ = ["wire"]
