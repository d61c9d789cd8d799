"""The doctor's findings on an AWS account, with answers that botocore checks against its own models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from providers.aws import doctor as aws
from providers.findings import Finding, Level
from tests.providers.patients import levels, node, only, place

BUILDS = "Concurrently running builds for Linux/Small environment"
Examined = Callable[..., list[Finding]]


class Cloud:
    """Answers by client and operation, in the order of the calls."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}
        self.clients: dict[str, Any] = {}
        for service in ("sts", "service-quotas", "lambda"):
            client = boto3.client(service, "us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
            self.clients[service], self.stubs[service] = client, Stubber(client)
            self.stubs[service].activate()
        arn = "arn:aws:iam::123456789012:user/anna"
        self.stubs["sts"].add_response("get_caller_identity", {"Account": "123456789012", "Arn": arn})

    def __call__(self, *_: Any) -> Cloud:
        return self

    def client(self, service: str) -> Any:
        return self.clients[service]

    def quota(self, value: float, service: str = "fargate", code: str = "L-3032A538") -> None:
        wanted = {"ServiceCode": service, "QuotaCode": code}
        self.stubs["service-quotas"].add_response("get_service_quota", {"Quota": {"Value": value}}, wanted)

    def refuse(self, operation: str, code: str, service: str = "service-quotas") -> None:
        self.stubs[service].add_client_error(operation, code, "no", 400)

    def calls(self, free: int = 1000) -> None:
        limit = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": free}
        self.stubs["lambda"].add_response("get_account_settings", {"AccountLimit": limit})

    def builds(self, value: float) -> None:
        own = {"QuotaName": BUILDS, "QuotaCode": "L-9D07B6EF", "Value": value}
        other = {"QuotaName": "Build projects", "QuotaCode": "L-ACCF6C0D", "Value": 5000.0}
        answer = {"Quotas": [other, own]}
        self.stubs["service-quotas"].add_response("list_service_quotas", answer, {"ServiceCode": "codebuild"})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(aws, "Account", made)
    return made


def test_an_account_with_room_is_well(cloud: Cloud) -> None:
    cloud.quota(8)
    cloud.calls()
    cloud.builds(1)
    found = list(aws.examine(place(node("alpha"), node("beta"))))
    assert set(levels(found).values()) == {Level.OK}
    assert only(found, "credentials").text == "account 123456789012, as user/anna, in us-east-1."
    assert only(found, "quota of Fargate").text == "8 vCPUs at once on Fargate; all nodes together need 4."


def test_jobs_that_would_wait_for_ever_are_a_failure_and_some_that_wait_a_warning(cloud: Cloud) -> None:
    size = {"preset": None, "cpu": 8, "memory": 16384}
    cloud.quota(6)
    cloud.calls()
    cloud.builds(1)
    found = only(list(aws.examine(place(node("alpha"), node("large", size=size)))), "quota of Fargate")
    assert found.level is Level.FAILED
    assert "large would need more and could never start" in found.text
    assert found.mend == (
        "aws service-quotas request-service-quota-increase --region us-east-1 --service-code fargate "
        "--quota-code L-3032A538 --desired-value 10"
    )


def test_some_that_wait_are_a_warning_with_the_profile_of_the_stack(cloud: Cloud) -> None:
    cloud.quota(3)
    cloud.calls()
    cloud.builds(1)
    found = only(list(aws.examine(place(node("alpha"), node("beta"), aws__profile="fund"))), "quota of Fargate")
    assert found.level is Level.WARNING
    assert found.mend.endswith("--desired-value 4 --profile fund")


def test_a_node_that_is_switched_off_needs_no_vcpus(cloud: Cloud) -> None:
    cloud.calls()
    cloud.builds(1)
    found = list(aws.examine(place(node("alpha", enabled=False))))
    assert "quota of Fargate" not in levels(found)


def test_aws_s_default_counts_where_the_account_has_no_value_of_its_own(cloud: Cloud) -> None:
    cloud.refuse("get_service_quota", "NoSuchResourceException")
    cloud.stubs["service-quotas"].add_response("get_aws_default_service_quota", {"Quota": {"Value": 1.0}})
    cloud.calls()
    cloud.builds(1)
    assert only(list(aws.examine(place(node()))), "quota of Fargate").level is Level.FAILED


def test_large_disks_count_for_ec2(cloud: Cloud) -> None:
    cloud.quota(5, "ec2", "L-1216C47A")
    cloud.calls()
    cloud.builds(1)
    found = list(aws.examine(place(node("large", disk=500))))
    assert "quota of Fargate" not in levels(found)
    assert only(found, "quota of EC2").level is Level.FAILED
    assert "--service-code ec2 --quota-code L-1216C47A --desired-value 16" in only(found, "quota of EC2").mend


@pytest.mark.parametrize(
    ("free", "level", "words"), [(0, Level.FAILED, "429"), (1, Level.WARNING, "a round calls 2 webhooks")]
)
def test_few_calls_of_functions(cloud: Cloud, free: int, level: Level, words: str) -> None:
    cloud.quota(8)
    cloud.calls(free)
    cloud.builds(1)
    found = only(list(aws.examine(place(node("alpha"), node("beta")))), "quota of Lambda")
    assert found.level == level, found.text
    assert words in found.text
    assert "--quota-code L-B99A9384" in found.mend


def test_an_account_without_builds_cannot_make_images_but_docker_can(cloud: Cloud) -> None:
    cloud.quota(8)
    cloud.calls()
    cloud.builds(0)
    found = only(list(aws.examine(place(node()))), "quota of CodeBuild")
    assert found.level is Level.FAILED
    assert "--service-code codebuild --quota-code L-9D07B6EF --desired-value 2" in found.mend
    assert "build: {docker: true}" in found.mend


def test_nodes_that_docker_builds_need_no_codebuild(cloud: Cloud) -> None:
    cloud.quota(8)
    cloud.calls()
    assert "quota of CodeBuild" not in levels(list(aws.examine(place(node(build={"docker": True})))))


def test_who_may_not_ask_for_quotas_is_told_so_and_nothing_failed(cloud: Cloud) -> None:
    cloud.refuse("get_service_quota", "AccessDeniedException")
    cloud.refuse("get_account_settings", "AccessDeniedException", "lambda")
    cloud.refuse("list_service_quotas", "AccessDeniedException")
    found = list(aws.examine(place(node())))
    assert levels(found) == {
        "credentials": Level.OK,
        "quota of Fargate": Level.SKIPPED,
        "quota of Lambda": Level.SKIPPED,
        "quota of CodeBuild": Level.SKIPPED,
    }
    assert only(found, "quota of Fargate").text.endswith(
        "The query needs the permission servicequotas:GetServiceQuota."
    )


def test_another_account_than_the_stack_allows(cloud: Cloud) -> None:
    found = list(aws.examine(place(node(), aws__allowedAccountIds='["999999999999"]')))
    assert levels(found) == {"credentials": Level.FAILED}
