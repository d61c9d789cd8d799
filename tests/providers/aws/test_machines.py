"""Machines and zones depend on the region: Batch refuses machine types that the region does not offer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docs.generate.mocks.aws import Mocks
from providers.aws.machines import KINDS
from sandbox.aws.batch import MACHINES
from tests.providers.aws.program import Program

Make = Callable[..., Program]
ALPHA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
LARGE = f"defaults: {{cloud: aws, source: m}}\nnodes: {{alpha: {{model: {ALPHA}, disk: 300GiB}}}}"


def test_only_kinds_that_the_region_has_are_asked_for(program: Make) -> None:
    resources = program(LARGE).find(":ComputeEnvironment", "aws-us-east-1-ec2-512").inputs["computeResources"]
    assert resources["instanceTypes"] == ["r6i.4xlarge", "r5.4xlarge"]
    assert set(MACHINES) < set(KINDS), "the sandbox has to lack one, or it would not notice"


def test_machines_are_tagged(program: Make) -> None:
    resources = program(LARGE).find(":ComputeEnvironment", "aws-us-east-1-ec2-512").inputs["computeResources"]
    assert resources["tags"] == {"project": "prediction-nodes", "stack": "dev"}


@pytest.mark.parametrize(
    ("zones", "used"), [("abc", ["us-west-1a", "us-west-1b"]), ("c", ["us-west-1c", "us-west-1c"])]
)
def test_a_region_with_one_zone_is_enough(
    program: Make, monkeypatch: pytest.MonkeyPatch, zones: str, used: list[str]
) -> None:
    monkeypatch.setattr(Mocks, "zones", zones)
    subnets = program(LARGE.replace("source: m", "source: m, region: us-west-1")).list_resources(":Subnet")
    # Pulumi registers them in any order.
    assert sorted(subnet.inputs["availabilityZone"] for subnet in subnets) == used
