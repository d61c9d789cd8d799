"""Requires a retention time for logs. Logs that are kept for ever cost more each month, and AWS does so by default.

For a function, build or job that names no log, the cloud creates one without a retention time or an owner, so the rule
also requires the name of a log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import UNKNOWN, Context, Resource, parse_json

MOST_DAYS = 365


def log_retention_set(resource: Resource, context: Context) -> Iterator[str]:
    """Check logs, and the resources that write them."""
    kind = resource.kind
    if kind == "aws:cloudwatch:LogGroup":
        yield from _check_days(
            resource.get("retentionInDays"), context, "retentionInDays", "its logs are kept for ever"
        )
    elif kind == "aws:lambda:Function":
        if not resource.get("loggingConfig.logGroup"):
            yield "the function names no log group, and its logs would be kept for ever: set loggingConfig.logGroup."
    elif kind == "aws:codebuild:Project":
        logs = resource.get("logsConfig.cloudwatchLogs")
        if logs is not UNKNOWN and not (logs or {}).get("groupName") and (logs or {}).get("status") != "DISABLED":
            yield "the build project names no log group: set logsConfig.cloudwatchLogs.groupName."
    elif kind == "aws:batch:JobDefinition":
        container = parse_json(resource.get("containerProperties"))
        if container is not UNKNOWN and not _find_group(container):
            yield "the job names no log group: its containers would write to /aws/batch/job, which is kept for ever."
    elif kind == "azure-native:operationalinsights:Workspace":
        yield from _check_days(resource.get("retentionInDays"), context, "retentionInDays", "it has no retention time")
    elif kind == "azure-native:applicationinsights:Component":
        if not resource.get("workspaceResourceId"):
            yield "the component has no workspace with a retention time: set workspaceResourceId."
    elif kind == "gcp:logging:ProjectBucketConfig":
        yield from _check_days(resource.get("retentionDays"), context, "retentionDays", "it has no retention time")


def _check_days(days: Any, context: Context, name: str, problem: str) -> Iterator[str]:
    most = context.config.get("mostDays", MOST_DAYS)
    if days is UNKNOWN:
        return
    if not isinstance(days, int | float) or isinstance(days, bool) or not days > 0:
        yield f"{problem}: set {name} to at most {most:g}."
    elif days > most:
        yield f"{name} is {days:g}, but the limit is {most:g}."


def _find_group(container: Any) -> Any:
    logs = (container or {}).get("logConfiguration") if isinstance(container, Mapping) else None
    return ((logs or {}).get("options") or {}).get("awslogs-group")
