"""Ensures that a job's code has no other rights than those that nodes.yaml names for its node.

Whoever can start a job can run code with its rights, so neither a trigger's identity nor a cloud's default account, nor
the identity that reads keys, may be available to the code. On Google Cloud, the latter is the job's own account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import UNKNOWN, Context, Resource, as_list, parse_json
from policies.rules.aws_roles import find_prefix, parse_statements

_DEFAULT_ACCOUNT = re.compile(r"[0-9]+-compute@developer\.gserviceaccount\.com|.*@appspot\.gserviceaccount\.com")


def rights_of_jobs(resource: Resource, _context: Context) -> Iterator[str]:
    """Check the identities of jobs, and the roles of nodes."""
    if resource.kind == "aws:batch:JobDefinition":
        yield from _check_role(resource)
    elif resource.kind == "aws:iam:Role" and resource.is_inside("PredictionNode"):
        for statement in parse_statements(resource.get("assumeRolePolicy")):
            if statement.get("Principal") != {"Service": "ecs-tasks.amazonaws.com"}:
                yield "a node's role can be assumed by something else than its containers (ecs-tasks.amazonaws.com)."
    elif resource.kind == "gcp:cloudrunv2:Job":
        account = resource.get("template.template.serviceAccount")
        if not account or (isinstance(account, str) and _DEFAULT_ACCOUNT.fullmatch(account)):
            yield "the job runs as a default service account, which may often change everything in its project."
    elif resource.kind == "azure-native:app:Job":
        yield from _check_identities(resource)


def _check_role(resource: Resource) -> Iterator[str]:
    container = parse_json(resource.get("containerProperties"))
    role = container.get("jobRoleArn") if isinstance(container, Mapping) else None
    own = f":role/{find_prefix(resource.urn)}/{resource.name.partition('@')[0]}-job-"
    if isinstance(role, str) and own not in role:
        yield f"the job's code gets the role {role}, which is not the node's own."


def _check_identities(resource: Resource) -> Iterator[str]:
    type_, attached = resource.get("identity.type"), resource.get("identity.userAssignedIdentities")
    if isinstance(type_, str) and "SystemAssigned" in type_:
        yield "the job has a system-assigned identity, for which its code can get tokens."
    lifecycles = {_read(item, "identity"): _read(item, "lifecycle") for item in _list(resource, "identitySettings")}
    readers = {_read(item, "identity") for what in ("secrets", "registries") for item in _list(resource, what)}
    # Without a setting, an identity is available to the code.
    for identity in as_list(None if attached is UNKNOWN else attached):
        lifecycle = lifecycles.get(identity)
        if isinstance(identity, str) and (lifecycle is None or (identity in readers and lifecycle != "None")):
            yield f"the job's code can get tokens for {identity}: set the lifecycle None in identitySettings."


def _list(resource: Resource, what: str) -> list[Any]:
    items = resource.get(f"configuration.{what}")
    return [] if items is UNKNOWN else as_list(items)


def _read(item: Any, key: str) -> Any:
    return item.get(key) if isinstance(item, Mapping) else None
