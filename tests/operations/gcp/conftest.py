"""The sandbox's Google Cloud, as the person who deployed sees it."""

from tests.sandbox.conftest import kernel
from tests.sandbox.gcp.conftest import deployer, google

__all__ = ["deployer", "google", "kernel"]
