"""A program of AWS nodes under Pulumi's mocks: images are built the same way on every cloud."""

from tests.providers.aws.fixtures import program

__all__ = ["program"]
