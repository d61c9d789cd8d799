"""No wildcard in a role of ours on AWS: actions are named, resources are named, and only services take roles on.

A `*` may end a resource's ARN after a name (a bucket's folder, a log group's streams, a job definition's revisions). A
bare `*` is for actions alone that know no resource.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import UNKNOWN, Given, Resource, items

_POLICIES = {"aws:iam:RolePolicy", "aws:iam:UserPolicy", "aws:iam:GroupPolicy", "aws:iam:Policy"}
_ATTACHMENTS = {"aws:iam:RolePolicyAttachment", "aws:iam:PolicyAttachment"}
# AWS: "Actions, resources, and condition keys for Amazon Elastic Container Registry".
WITHOUT_RESOURCE = frozenset({"ecr:GetAuthorizationToken"})
# What the machines' agent of ECS needs to take up jobs; a container cannot get at it (see providers/aws/machines.py).
MANAGED = ["service-role/AmazonEC2ContainerServiceforEC2Role"]
# ARNs whose resource begins with a name, without a kind before it.
_NAMES_ONLY = frozenset({"s3", "sns", "sqs"})


def no_wildcard_on_aws(resource: Resource, given: Given) -> Iterator[str]:
    """Policies, trusts and attachments of managed policies."""
    if resource.kind in _POLICIES:
        yield from policy(resource.at("policy"))
    elif resource.kind in _ATTACHMENTS:
        yield from _managed(resource.at("policyArn"), given)
    elif resource.kind == "aws:iam:Role":
        yield from trust(resource.at("assumeRolePolicy"))
        for arn in items(resource.at("managedPolicyArns")):
            yield from _managed(arn, given)
        for inline in items(resource.at("inlinePolicies")):
            yield from policy(inline.get("policy") if isinstance(inline, Mapping) else inline)


def policy(document: Any) -> Iterator[str]:
    """What is wrong with what a policy allows."""
    for statement in statements(document):
        if statement.get("Effect") != "Allow":
            continue
        for inverted in ("NotAction", "NotResource"):
            if inverted in statement:
                yield f"a statement allows with {inverted}, which is everything else: name what is allowed."
        actions = [str(action) for action in items(statement.get("Action"))]
        for action in actions:
            if "*" in action or "?" in action:
                yield f"the action {action} is a wildcard: name each action."
        alone = bool(actions) and set(actions) <= WITHOUT_RESOURCE
        for arn in items(statement.get("Resource")):
            if arn is not UNKNOWN and wildcard(str(arn)) and not (arn == "*" and alone):
                yield f"the resource {arn} of {', '.join(actions) or 'a statement'} is a wildcard: name the resource."


def trust(document: Any) -> Iterator[str]:
    """What is wrong with who may take a role on."""
    for statement in statements(document):
        if statement.get("Effect") != "Allow":
            continue
        who = statement.get("Principal")
        kinds = set(who) if isinstance(who, Mapping) else {str(who)}
        if kinds != {"Service"}:
            yield f"the role can be taken on by {', '.join(sorted(kinds))}: only a service may take a role of ours on."


def statements(document: Any) -> list[Mapping[str, Any]]:
    """The statements of a policy: a text, a mapping, or not known yet. An unreadable one is AWS's to refuse."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return []
    if not isinstance(document, Mapping):
        return []
    return [each for each in items(document.get("Statement")) if isinstance(each, Mapping)]


def wildcard(arn: str) -> bool:
    """Whether an ARN stands for more than one named thing and what is in it."""
    if "?" in arn:
        return True
    if "*" not in arn:
        return False
    parts = arn.split(":", 5)
    if len(parts) < 6 or any("*" in part for part in parts[:5]):
        return True
    before = parts[5].partition("*")[0]
    if not before.endswith(("/", ":")):
        return True
    names = [part for part in before.replace(":", "/").split("/") if part]
    return len(names) < (1 if parts[2] in _NAMES_ONLY else 2)


def _managed(arn: Any, given: Given) -> Iterator[str]:
    allowed = given.config.get("managed", MANAGED)
    if isinstance(arn, str) and ":iam::aws:policy/" in arn and arn.split(":policy/", 1)[1] not in allowed:
        yield f"the policy {arn} of AWS's own is attached, whose resources are wildcards: give a policy of your own."
