"""Alerts on the three clouds: what they add, what the trigger may do then, and where an address is."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from docs.generate.recorder import Registered, make_model, register
from providers.alerts import check_address, name_email
from trigger.table import Row

NODE = "{{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01, cloud: {cloud}, source: m{alerts}}}"
ALERTS = ", alerts: {webhook: alert-webhook, email: me@example.com, heartbeat: beat}"
REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
CLOUDS = list(REGIONS)
ADDED = {
    "aws": {"Secret": 1, "SecretVersion": 1, "RolePolicy": 1, "Topic": 1, "TopicSubscription": 1},
    "gcp": {
        "Secret": 2,
        "SecretVersion": 2,
        "SecretIamMember": 2,
        "Service": 1,
        "NotificationChannel": 1,
        "AlertPolicy": 1,
    },
    "azure": {"Vault": 2, "Secret": 2, "RoleAssignment": 2, "ActionGroup": 1, "ScheduledQueryRule": 1},
}
Registers = Callable[[str, str], list[Registered]]


@pytest.fixture
def resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registers:
    """Return a function that registers a node on a cloud, with this text in its entry."""
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path)

    def run(cloud: str, alerts: str) -> list[Registered]:
        mocks = importlib.import_module(f"docs.generate.mocks.{cloud}").Mocks()
        text = "nodes:\n  alpha: " + NODE.format(cloud=cloud, alerts=alerts) + "\n"
        return register(mocks, text, "prediction-nodes", "live")[0]

    return run


def count(resources: list[Registered]) -> Counter[str]:
    return Counter(each.type.rsplit(":", 1)[-1] for each in resources)


def read_column(cloud: str, resources: list[Registered]) -> str:
    if cloud == "azure":
        rows = [each.inputs["metadata"] for each in resources if "model_id" in (each.inputs.get("metadata") or {})]
        return str(rows[0].get("alerts", ""))
    field = {"aws": "key", "gcp": "name"}[cloud]
    keys = [str(each.inputs[field]) for each in resources if str(each.inputs.get(field, "")).startswith("table/")]
    row = Row.read_key(keys[0].removeprefix("table/"))
    assert row
    return row.alerts


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("alerts", ["", ", alerts: false"])
def test_without_alerts_there_is_nothing_of_them(resources: Registers, cloud: str, alerts: str) -> None:
    registered = resources(cloud, alerts)
    assert not [each for each in registered if "alert" in each.name]
    assert "HEARTBEATS" not in json.dumps([each.inputs for each in registered], default=str)
    assert read_column(cloud, registered) == ""


@pytest.mark.parametrize("cloud", CLOUDS)
def test_alerts_add_few_resources(resources: Registers, cloud: str) -> None:
    assert count(resources(cloud, ALERTS)) - count(resources(cloud, "")) == ADDED[cloud]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_address_is_in_the_secret_store_only(resources: Registers, cloud: str) -> None:
    registered = resources(cloud, ALERTS)
    holders = {
        each.type.rsplit(":", 1)[-1]
        for each in registered
        if "alerts.example.com" in json.dumps(each.inputs, default=str)
    }
    assert holders == {"Secret" if cloud == "azure" else "SecretVersion"}
    for each in registered:
        if "alerts.example.com" in json.dumps(each.inputs, default=str):
            assert each.secrets, "it is plain in the state"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_heartbeat_names_its_region(resources: Registers, cloud: str) -> None:
    text = json.dumps([each.inputs for each in resources(cloud, ALERTS)], default=str)
    assert f"https://alerts.example.com/beat/{cloud}-{REGIONS[cloud]}" in text


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_table_has_the_time_limit_and_references(resources: Registers, cloud: str) -> None:
    timeout, webhook, email = read_column(cloud, resources(cloud, f"{ALERTS}, timeout: 90m")).split()
    assert timeout == "5400"
    assert webhook.startswith("webhook=")
    assert "alert" in webhook
    assert email.startswith("email=arn:" if cloud == "aws" else f"email={name_email('me@example.com')}")


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_heartbeat_alone_gives_no_right_to_logs_and_no_column(resources: Registers, cloud: str) -> None:
    registered = resources(cloud, ", alerts: {heartbeat: beat}")
    assert read_column(cloud, registered) == ""
    policies = [each.inputs.get("policy", "") for each in registered if each.name.endswith("-alerts")]
    assert not [policy for policy in policies if "logs:" in policy]


def test_aws_lets_the_trigger_read_one_secret_and_publish_to_one_topic(resources: Registers) -> None:
    (policy,) = [
        each for each in resources("aws", ALERTS) if each.type.endswith(":RolePolicy") and "alerts" in each.name
    ]
    allowed = {
        action: each["Resource"]
        for each in json.loads(policy.inputs["policy"])["Statement"]
        for action in each["Action"]
    }
    assert set(allowed) == {
        "secretsmanager:GetSecretValue",
        "logs:GetLogEvents",
        "batch:DescribeJobs",
        "sns:Publish",
    }
    assert [action for action, where in allowed.items() if where == ["*"]] == ["batch:DescribeJobs"]


def test_google_s_policy_matches_the_lines_of_this_trigger_for_this_address(resources: Registers) -> None:
    (policy,) = [each for each in resources("gcp", ALERTS) if each.type.endswith(":AlertPolicy")]
    condition: Any = policy.inputs["conditions"][0]["conditionMatchedLog"]
    assert f'jsonPayload.email="{name_email("me@example.com")}"' in condition["filter"]
    assert 'resource.labels.location="us-central1"' in condition["filter"]
    assert "me@example.com" not in condition["filter"]
    assert set(condition["labelExtractors"]) == {"subject", "text"}


@pytest.mark.parametrize(("status", "warned"), [("UNVERIFIED", True), ("VERIFIED", False), ("", False)])
def test_google_s_address_that_is_not_verified_is_a_warning(
    resources: Registers, monkeypatch: pytest.MonkeyPatch, status: str, warned: bool
) -> None:
    mocks: Any = importlib.import_module("docs.generate.mocks.gcp").Mocks
    new_resource = mocks.new_resource

    def verify(self: Any, args: pulumi.runtime.MockResourceArgs) -> Any:
        id_, state = new_resource(self, args)
        return id_, state | ({"verificationStatus": status} if "otificationChannel" in args.typ else {})

    warnings: list[str] = []
    monkeypatch.setattr(mocks, "new_resource", verify)
    monkeypatch.setattr("pulumi.log.warn", warnings.append)
    resources("gcp", ALERTS)
    assert bool(warnings) == warned
    assert all("no e-mail to me@example.com" in warning for warning in warnings)


def test_azure_s_rule_is_created_long_after_its_workspace(resources: Registers) -> None:
    registered = resources("azure", ALERTS)
    (rule,) = [each for each in registered if each.type.endswith(":ScheduledQueryRule")]
    (code,) = [each for each in registered if each.type.endswith("FunctionCode")]
    assert code.urn in rule.depends_on, "Azure Monitor does not find a workspace of the last minute"


def test_azure_s_rule_searches_each_line_once(resources: Registers) -> None:
    (rule,) = [each for each in resources("azure", ALERTS) if each.type.endswith(":ScheduledQueryRule")]
    query = rule.inputs["criteria"]["allOf"][0]["query"]
    assert rule.inputs["evaluationFrequency"] == "PT15M"
    assert "ingestion_time() > ago(15m)" in query
    assert f"== '{name_email('me@example.com')}'" in query


@pytest.mark.parametrize(
    ("address", "regions", "message"),
    [
        ("http://example.com/x", 1, "does not begin with https://"),
        ("https://10.0.0.1/secret", 1, "10.0.0.1 is not the name of a public host"),
        ("https://hc-ping.com/abc", 2, "must contain {region}"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_without_showing_it(
    address: str, regions: int, message: str
) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        check_address("beat", address, regions)
    assert message in str(raised.value)
    assert "beat" in str(raised.value)
    assert address not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "regions"), [("https://hc-ping.com/abc\n", 1), ("https://hc-ping.com/{region}", 3)]
)
def test_an_address_may_be_called(address: str, regions: int) -> None:
    assert check_address("beat", address, regions) == address.strip()
