"""The simulated cloud and its deployer; tests/providers/azure uses the same fixtures."""

from tests.sandbox.azure.fixtures import azure, deployer

__all__ = ["azure", "deployer"]
