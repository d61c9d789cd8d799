"""The rules by name, with their descriptions and settings (`--policy-pack-config FILE`).

All rules are mandatory: a preview that violates one fails, and so does `up`, before it changes anything. A
configuration file can make any of them advisory or disable it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.resource import Context, Resource
from policies.rules import aws_roles, azure_roles, costs, endpoints, gcp_roles, images, keys, logs, storage, tags

ResourceCheck = Callable[[Resource, Context], Iterator[str]]
StackCheck = Callable[[Sequence[Resource], Context], Iterator[tuple[str, str]]]
Schema = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ResourceRule:
    """A rule that checks one resource at a time, before it is created."""

    name: str
    description: str
    check: ResourceCheck
    settings: Schema = field(default_factory=dict)
    """JSON Schema of each setting; the engine fills in a `default`."""


@dataclass(frozen=True)
class StackRule:
    """A rule that checks all resources together, at the end of a preview or an `up`."""

    name: str
    description: str
    check: StackCheck
    settings: Schema = field(default_factory=dict)


def _describe_names(default: list[str], description: str) -> Mapping[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "default": default, "description": description}


RESOURCE_RULES = (
    ResourceRule("no-plaintext-key", "API keys and secret settings are never in plain text.", keys.no_plaintext_key),
    ResourceRule(
        "no-wildcard-on-aws",
        "Roles on AWS name their actions and resources.",
        aws_roles.no_wildcard_on_aws,
        {"managed": _describe_names(aws_roles.MANAGED, "AWS managed policies that may be attached")},
    ),
    ResourceRule("no-wildcard-on-gcp", "Roles on Google Cloud have one purpose.", gcp_roles.no_wildcard_on_gcp),
    ResourceRule("no-wildcard-on-azure", "Roles on Azure have one purpose.", azure_roles.no_wildcard_on_azure),
    ResourceRule(
        "log-retention-set",
        "Logs are kept for a limited time.",
        logs.log_retention_set,
        {"mostDays": {"type": "number", "minimum": 1, "default": logs.MOST_DAYS}},
    ),
    ResourceRule(
        "immutable-tags",
        "Tags of images cannot be moved.",
        images.immutable_tags,
        {"mutable": _describe_names(images.MUTABLE, "logical names of exempt repositories, with wildcards * and ?")},
    ),
    ResourceRule("images-by-digest", "Jobs name their image by its digest.", images.images_by_digest),
    ResourceRule("encrypted-storage", "Storage is encrypted at rest and in transit.", storage.encrypted_storage),
    ResourceRule("no-public-bucket", "No bucket can be made public.", storage.no_public_bucket),
    ResourceRule(
        "only-triggers-are-public",
        "The only public endpoints are triggers with a token.",
        endpoints.only_triggers_are_public,
    ),
    ResourceRule(
        "tags-present",
        "Resources are tagged with project, stack and node.",
        tags.tags_present,
        {"also": _describe_names([], "additional tags that every resource must have")},
    ),
)
STACK_RULES = (
    StackRule("every-bucket-blocked", "Each bucket on S3 blocks public access.", storage.every_bucket_blocked),
    StackRule(
        "cost-ceiling",
        "No node costs more a month than its ceiling.",
        costs.cost_ceiling,
        {
            "usdAMonth": {"type": "number", "minimum": 0, "description": "USD for each node"},
            "minutes": {
                "type": "number",
                "exclusiveMinimum": 0,
                "default": costs.MINUTES,
                "description": "length of a run",
            },
        },
    ),
)


def list_defaults(rule: ResourceRule | StackRule) -> dict[str, Any]:
    """Return the settings of a rule that has no configuration."""
    return {name: schema["default"] for name, schema in rule.settings.items() if "default" in schema}


def find_violations(
    resources: Sequence[Resource], stack: Mapping[str, str] | None = None, secrets: frozenset[str] = frozenset()
) -> list[str]:
    """Check resources with the default settings, and return the violations as `RULE: NAME: SENTENCE`."""
    violations = []
    for rule in RESOURCE_RULES:
        context = Context(list_defaults(rule), stack or {}, secrets)
        for resource in resources:
            start = f"{rule.name}: {resource.type} {resource.name}"
            violations += [f"{start}: {sentence}" for sentence in rule.check(resource, context)]
    for stack_rule in STACK_RULES:
        context = Context(list_defaults(stack_rule), stack or {}, secrets)
        violations += [f"{stack_rule.name}: {sentence}" for sentence, _ in stack_rule.check(resources, context)]
    return violations
