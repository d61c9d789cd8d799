"""Logs have a limited retention time, and resources that write logs name them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.resource import UNKNOWN
from tests.policies.single_rule import run_rule

RULE = "log-retention-set"
KEPT = {
    "aws:cloudwatch/logGroup:LogGroup": "retentionInDays",
    "azure-native:operationalinsights:Workspace": "retentionInDays",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "retentionDays",
}


@pytest.mark.parametrize(("type_", "name"), KEPT.items())
def test_days(type_: str, name: str) -> None:
    assert run_rule(RULE, type_, {name: 30}) == []
    assert run_rule(RULE, type_, {name: UNKNOWN}) == []
    assert f"set {name}" in run_rule(RULE, type_, {})[0]
    assert f"set {name}" in run_rule(RULE, type_, {name: 0})[0]
    assert run_rule(RULE, type_, {name: 400}) == [f"{name} is 400, but the limit is 365."]
    assert run_rule(RULE, type_, {name: 400}, mostDays=400) == []


JOB = json.dumps({"logConfiguration": {"options": {"awslogs-group": "jobs"}}})


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        (
            "aws:lambda/function:Function",
            {"loggingConfig": {"logGroup": "a"}},
            {"loggingConfig": {}},
        ),
        (
            "aws:codebuild/project:Project",
            {"logsConfig": {"cloudwatchLogs": {"groupName": "a"}}},
            {"logsConfig": {"cloudwatchLogs": {"status": "ENABLED"}}},
        ),
        (
            "aws:batch/jobDefinition:JobDefinition",
            {"containerProperties": JOB},
            {"containerProperties": "{}"},
        ),
        ("azure-native:applicationinsights:Component", {"workspaceResourceId": "/w"}, {}),
    ],
)
def test_resources_that_write_a_log_name_it(type_: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert run_rule(RULE, type_, good) == []
    assert len(run_rule(RULE, type_, bad)) == 1
    assert run_rule(RULE, type_, dict.fromkeys(good, UNKNOWN)) == []
