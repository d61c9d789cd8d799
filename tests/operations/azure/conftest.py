"""The sandbox's Azure, as the person who deployed sees it."""

from tests.sandbox.azure.conftest import azure, deployer
from tests.sandbox.conftest import kernel

__all__ = ["azure", "deployer", "kernel"]
