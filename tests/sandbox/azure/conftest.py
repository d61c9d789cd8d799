"""The sandbox's cloud and a person who deploys to it; tests/providers/azure uses the same fixtures."""

from tests.sandbox.azure.fixtures import azure, deployer

__all__ = ["azure", "deployer"]
