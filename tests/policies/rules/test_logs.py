"""Logs: kept for a set time and not too long; what writes a log names it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.resource import UNKNOWN
from tests.policies.one import said

RULE = "log-retention-set"
KEPT = {
    "aws:cloudwatch/logGroup:LogGroup": "retentionInDays",
    "azure-native:operationalinsights:Workspace": "retentionInDays",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "retentionDays",
}


@pytest.mark.parametrize(("type_", "name"), KEPT.items())
def test_days(type_: str, name: str) -> None:
    assert said(RULE, type_, {name: 30}) == []
    assert said(RULE, type_, {name: UNKNOWN}) == []
    assert f"set {name}" in said(RULE, type_, {})[0]
    assert f"set {name}" in said(RULE, type_, {name: 0})[0]
    assert said(RULE, type_, {name: 400}) == [f"{name} is 400, and at most 365 are allowed."]
    assert said(RULE, type_, {name: 400}, mostDays=400) == []


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
def test_what_writes_a_log_names_it(type_: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert said(RULE, type_, good) == []
    assert len(said(RULE, type_, bad)) == 1
    assert said(RULE, type_, dict.fromkeys(good, UNKNOWN)) == []
