"""The sandbox's AWS, as the person who deployed sees it."""

from tests.sandbox.aws.conftest import aws, deployer
from tests.sandbox.conftest import kernel

__all__ = ["aws", "deployer", "kernel"]
