"""Rejects wildcards in roles on AWS: policies must name actions and resources, and only services may assume roles.

A `*` may end a resource's ARN after a name (a bucket's folder, a log group's streams, a job definition's revisions), or
after the prefix of the stack's own job definitions or repositories. Only actions that do not support resources may have
a bare `*`. A trigger's role may have its permissions and no others, since its code is reachable from outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import UNKNOWN, Context, Resource, as_list

_POLICIES = {"aws:iam:RolePolicy", "aws:iam:UserPolicy", "aws:iam:GroupPolicy", "aws:iam:Policy"}
_ATTACHMENTS = {"aws:iam:RolePolicyAttachment", "aws:iam:PolicyAttachment"}
# AWS: "Actions, resources, and condition keys" for Amazon Elastic Container Registry, and for AWS Batch.
WITHOUT_RESOURCE = frozenset({"ecr:GetAuthorizationToken", "batch:ListJobs"})
TRIGGER = frozenset(
    {
        *("logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:PutObject", "s3:ListBucket"),
        *("batch:SubmitJob", "batch:ListJobs"),
    }
)
# The ends of the ARNs of a stack's own resources, by service.
_OWN = {"batch": "job-definition/{}__*", "ecr": "repository/{}/*"}
# The ECS agent of the machines needs it to accept jobs; containers cannot use it (see providers/aws/machines.py).
MANAGED = ["service-role/AmazonEC2ContainerServiceforEC2Role"]
# Services whose ARNs have no resource kind before the name.
_NAMES_ONLY = frozenset({"s3", "sns", "sqs"})


def no_wildcard_on_aws(resource: Resource, context: Context) -> Iterator[str]:
    """Check policies, trust policies and attachments of managed policies."""
    if resource.kind in _POLICIES:
        yield from check_policy(resource.get("policy"), find_prefix(resource.urn))
        if resource.is_inside("Trigger"):
            yield from _check_trigger(resource.get("policy"))
    elif resource.kind in _ATTACHMENTS and resource.is_inside("Trigger"):
        yield "a managed policy is attached to a trigger's role, which may only have its own policy."
    elif resource.kind in _ATTACHMENTS:
        yield from _check_managed(resource.get("policyArn"), context)
    elif resource.kind == "aws:iam:Role":
        yield from check_trust(resource.get("assumeRolePolicy"))
        for arn in as_list(resource.get("managedPolicyArns")):
            yield from _check_managed(arn, context)
        for inline in as_list(resource.get("inlinePolicies")):
            policy = inline.get("policy") if isinstance(inline, Mapping) else inline
            yield from check_policy(policy, find_prefix(resource.urn))


def find_prefix(urn: str) -> str:
    """Return the prefix of the stack's names: PROJECT-STACK."""
    _, _, stack, _, project, *_ = urn.split(":")
    return f"{project}-{stack}"


def check_policy(document: Any, prefix: str) -> Iterator[str]:
    """Check the permissions of a policy of the stack whose names have this prefix."""
    for statement in parse_statements(document):
        if statement.get("Effect") != "Allow":
            continue
        for inverted in ("NotAction", "NotResource"):
            if inverted in statement:
                yield f"a statement with {inverted} allows everything else: name what is allowed."
        actions = [str(action) for action in as_list(statement.get("Action"))]
        for action in actions:
            if "*" in action or "?" in action:
                yield f"the action {action} is a wildcard: name each action."
        unscoped = bool(actions) and set(actions) <= WITHOUT_RESOURCE
        for arn in as_list(statement.get("Resource")):
            if arn is not UNKNOWN and is_wildcard(str(arn), prefix) and not (arn == "*" and unscoped):
                yield f"the resource {arn} of {', '.join(actions) or 'a statement'} is a wildcard: name the resource."


def _check_trigger(document: Any) -> Iterator[str]:
    for statement in parse_statements(document):
        actions = [str(action) for action in as_list(statement.get("Action"))]
        for action in sorted(set(actions) - TRIGGER):
            yield f"a trigger may not {action}: it reads its table and Numerai's keys, keeps claims, and starts jobs."
        if "s3:PutObject" in actions and statement.get("Condition") != {"Null": {"s3:if-none-match": "false"}}:
            yield "a trigger could overwrite claims: require s3:if-none-match for s3:PutObject."


def check_trust(document: Any) -> Iterator[str]:
    """Check which principals may assume a role."""
    for statement in parse_statements(document):
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        kinds = set(principal) if isinstance(principal, Mapping) else {str(principal)}
        if kinds != {"Service"}:
            yield f"{', '.join(sorted(kinds))} can assume the role: only a service may assume it."


def parse_statements(document: Any) -> list[Mapping[str, Any]]:
    """Return the statements of a policy (a string, a mapping or UNKNOWN). AWS itself rejects a malformed one."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return []
    if not isinstance(document, Mapping):
        return []
    return [statement for statement in as_list(document.get("Statement")) if isinstance(statement, Mapping)]


def is_wildcard(arn: str, prefix: str) -> bool:
    """Whether an ARN matches more than one named resource and its contents, or the stack's own by their prefix."""
    if "?" in arn:
        return True
    if "*" not in arn:
        return False
    parts = arn.split(":", 5)
    if len(parts) < 6 or any("*" in part for part in parts[:5]):
        return True
    own = _OWN.get(parts[2], "").format(prefix)
    before = parts[5].partition("*")[0]
    if parts[5] == own:
        return False
    if parts[2] == "ecr" or not before.endswith(("/", ":")):
        return True
    names = [part for part in before.replace(":", "/").split("/") if part]
    return len(names) < (1 if parts[2] in _NAMES_ONLY else 2)


def _check_managed(arn: Any, context: Context) -> Iterator[str]:
    allowed = context.config.get("managed", MANAGED)
    if isinstance(arn, str) and ":iam::aws:policy/" in arn and arn.split(":policy/", 1)[1] not in allowed:
        yield f"the AWS managed policy {arn} is attached, and its resources are wildcards: use a policy of your own."
