"""Fixtures: a program under Pulumi's mocks, and the sandbox's cloud for calls of a real cloud."""

from tests.providers.aws.fixtures import program, shared_program
from tests.sandbox.aws.fixtures import aws, deployer
from tests.sandbox.fixtures import kernel

__all__ = ["aws", "deployer", "kernel", "program", "shared_program"]
