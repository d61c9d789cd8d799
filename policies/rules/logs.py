"""Logs are kept for a set time: for ever costs more each month, and what nobody says is for ever on AWS.

A function, a build or a job that names no log gets one that the cloud makes for it, without a time and without an
owner, so naming the log is part of the rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import UNKNOWN, Given, Resource

MOST_DAYS = 365


def log_retention_set(resource: Resource, given: Given) -> Iterator[str]:
    """Logs and what writes them."""
    kind = resource.kind
    if kind == "aws:cloudwatch:LogGroup":
        yield from _days(resource.at("retentionInDays"), given, "retentionInDays", "the log group is kept for ever")
    elif kind == "aws:lambda:Function":
        if not resource.at("loggingConfig.logGroup"):
            yield "the function names no log group: set loggingConfig.logGroup, or it makes one that is kept for ever."
    elif kind == "aws:codebuild:Project":
        logs = resource.at("logsConfig.cloudwatchLogs")
        if logs is not UNKNOWN and not (logs or {}).get("groupName") and (logs or {}).get("status") != "DISABLED":
            yield "the builder names no log group: set logsConfig.cloudwatchLogs.groupName."
    elif kind == "aws:batch:JobDefinition":
        container = _json(resource.at("containerProperties"))
        if container is not UNKNOWN and not _group(container):
            yield "the job names no log group: its containers would write to /aws/batch/job, which is kept for ever."
    elif kind == "azure-native:operationalinsights:Workspace":
        yield from _days(resource.at("retentionInDays"), given, "retentionInDays", "the workspace has no set time")
    elif kind == "azure-native:applicationinsights:Component":
        if not resource.at("workspaceResourceId"):
            yield "the component has no workspace, so its data is kept by rules of its own: set workspaceResourceId."
    elif kind == "gcp:logging:ProjectBucketConfig":
        yield from _days(resource.at("retentionDays"), given, "retentionDays", "the log bucket has no set time")


def _days(days: Any, given: Given, name: str, why: str) -> Iterator[str]:
    most = given.config.get("mostDays", MOST_DAYS)
    if days is UNKNOWN:
        return
    if not isinstance(days, int | float) or isinstance(days, bool) or not days > 0:
        yield f"{why}: set {name}, at most {most:g}."
    elif days > most:
        yield f"{name} is {days:g}, and at most {most:g} are allowed."


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return {}


def _group(container: Any) -> Any:
    logs = (container or {}).get("logConfiguration") if isinstance(container, Mapping) else None
    return ((logs or {}).get("options") or {}).get("awslogs-group")
