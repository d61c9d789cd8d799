"""Only triggers may be public endpoints, and each row of their table has the hash of a token."""

from __future__ import annotations

from typing import Any

import pytest

from policies.resource import UNKNOWN
from tests.policies.single_rule import run_rule

RULE = "only-triggers-are-public"


def test_a_row_on_azure_has_its_token_s_hash() -> None:
    type_ = "azure-native:storage:BlobContainer"
    right: list[Any] = [{"token_sha256": "0f" * 32}, {"token_sha256": UNKNOWN}, UNKNOWN]
    wrong: list[Any] = [None, {}, {"token_sha256": ""}, {"token_sha256": "a token"}]
    assert [run_rule(RULE, type_, {"metadata": row}, "node") for row in right] == [[], [], []]
    assert [len(run_rule(RULE, type_, {"metadata": row}, "node")) for row in wrong] == [1, 1, 1, 1]
    assert run_rule(RULE, type_, {}, "trigger") == [], "the container of the trigger's code"


@pytest.mark.parametrize(
    ("type_", "name"),
    [("aws:s3/bucketObjectv2:BucketObjectv2", "key"), ("gcp:storage/bucketObject:BucketObject", "name")],
)
def test_a_row_has_its_tokens_hash(type_: str, name: str) -> None:
    def check(key: Any) -> list[str]:
        return run_rule(RULE, type_, {name: key}, "node")

    assert check(f"table/m/alpha/{'0f' * 32}/job/queue/yes/-/-") == []
    assert check(UNKNOWN) == check("other/object") == []
    for key in ("table/m/alpha/-/job/queue/yes/-/-", "table/m/alpha/token/job", "table/m"):
        assert "could not tell Numerai's calls" in check(key)[0]


@pytest.mark.parametrize(
    ("type_", "props"),
    [
        ("aws:lambda/functionUrl:FunctionUrl", {"authorizationType": "NONE"}),
        ("aws:lambda/permission:Permission", {"principal": "*"}),
        ("gcp:cloudfunctionsv2/function:Function", {"serviceConfig": {"ingressSettings": "ALLOW_ALL"}}),
        ("azure-native:web:WebApp", {"publicNetworkAccess": "Enabled"}),
        ("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", {"member": "allUsers", "role": "roles/run.invoker"}),
    ],
)
def test_endpoints_that_only_a_trigger_may_have(type_: str, props: dict[str, Any]) -> None:
    assert run_rule(RULE, type_, props, "trigger") == []
    assert len(run_rule(RULE, type_, props, "node")) == 1
    assert len(run_rule(RULE, type_, props, "")) == 1


@pytest.mark.parametrize(
    ("type_", "props"),
    [
        ("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", {"member": "allUsers", "role": "roles/run.admin"}),
        ("gcp:storage/bucketIAMMember:BucketIAMMember", {"member": "allUsers", "role": "roles/storage.objectViewer"}),
        (
            "gcp:secretmanager/secretIamBinding:SecretIamBinding",
            {"members": ["allAuthenticatedUsers"], "role": "roles/secretmanager.secretAccessor"},
        ),
        ("aws:apigatewayv2/api:Api", {}),
        ("azure-native:app:ContainerApp", {}),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv4": "0.0.0.0/0"}),
        ("aws:ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}]}),
        ("aws:ec2/securityGroupRule:SecurityGroupRule", {"type": "ingress", "ipv6CidrBlocks": ["::/0"]}),
        ("gcp:compute/firewall:Firewall", {"sourceRanges": ["0.0.0.0/0"], "allows": [{}]}),
        ("azure-native:network:SecurityRule", {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "*"}),
    ],
)
def test_endpoints_that_are_always_rejected(type_: str, props: dict[str, Any]) -> None:
    assert len(run_rule(RULE, type_, props, "trigger")) == 1


@pytest.mark.parametrize(
    ("type_", "props"),
    [
        ("aws:lambda/functionUrl:FunctionUrl", {"authorizationType": "AWS_IAM"}),
        (
            "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
            {"member": "user:a", "role": "roles/run.invoker"},
        ),
        ("aws:ec2/securityGroup:SecurityGroup", {"description": "out"}),
        ("aws:ec2/securityGroupRule:SecurityGroupRule", {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]}),
        ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", {"cidrIpv4": "0.0.0.0/0"}),
        ("gcp:compute/firewall:Firewall", {"sourceRanges": ["0.0.0.0/0"], "denies": [{}]}),
        ("gcp:cloudfunctionsv2/function:Function", {"serviceConfig": {"ingressSettings": "ALLOW_INTERNAL_ONLY"}}),
    ],
)
def test_resources_that_are_always_allowed(type_: str, props: dict[str, Any]) -> None:
    assert run_rule(RULE, type_, props, "cluster") == []
