"""The simulated cloud and its deployer; tests/providers/aws uses the same fixtures."""

from tests.sandbox.aws.fixtures import aws, deployer

__all__ = ["aws", "deployer"]
