"""The simulated cloud and its deployer; tests/providers/gcp uses the same fixtures."""

from tests.sandbox.gcp.fixtures import deployer, google

__all__ = ["deployer", "google"]
