"""The sandbox's cloud and a person who deploys to it; tests/providers/gcp uses the same fixtures."""

from tests.sandbox.gcp.fixtures import deployer, google

__all__ = ["deployer", "google"]
