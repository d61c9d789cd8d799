"""The sandbox's cloud and a person who deploys to it; tests/providers/aws uses the same fixtures."""

from tests.sandbox.aws.fixtures import aws, deployer

__all__ = ["aws", "deployer"]
