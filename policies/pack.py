"""The rules by name, each with what it says of itself and what can be set for it (`--policy-pack-config FILE`).

All are mandatory: a preview that breaks one fails, and so does `up`, before it touches anything. A configuration file
can make any of them advisory or turn it off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.resource import Given, Resource
from policies.rules import aws_roles, azure_roles, costs, endpoints, gcp_roles, images, keys, logs, storage, tags

OfResource = Callable[[Resource, Given], Iterator[str]]
OfStack = Callable[[Sequence[Resource], Given], Iterator[tuple[str, str]]]
Schema = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ResourceRule:
    """A rule about one resource at a time, asked before the resource is made."""

    name: str
    description: str
    check: OfResource
    settings: Schema = field(default_factory=dict)
    """JSON Schema of each setting; a `default` is filled in by the engine."""


@dataclass(frozen=True)
class StackRule:
    """A rule about all resources together, asked at the end of a preview or an `up`."""

    name: str
    description: str
    check: OfStack
    settings: Schema = field(default_factory=dict)


def _names(default: list[str], description: str) -> Mapping[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "default": default, "description": description}


RESOURCE_RULES = (
    ResourceRule("no-plaintext-key", "Keys are secrets, and nowhere in plain text.", keys.no_plaintext_key),
    ResourceRule(
        "no-wildcard-on-aws",
        "Roles on AWS name their actions and resources.",
        aws_roles.no_wildcard_on_aws,
        {"managed": _names(aws_roles.MANAGED, "policies of AWS's own that may be attached")},
    ),
    ResourceRule("no-wildcard-on-gcp", "Roles on Google Cloud are for one thing.", gcp_roles.no_wildcard_on_gcp),
    ResourceRule("no-wildcard-on-azure", "Roles on Azure are for one thing.", azure_roles.no_wildcard_on_azure),
    ResourceRule(
        "log-retention-set",
        "Logs are kept for a set time.",
        logs.log_retention_set,
        {"mostDays": {"type": "number", "minimum": 1, "default": logs.MOST_DAYS}},
    ),
    ResourceRule(
        "immutable-tags",
        "Tags of images cannot be moved.",
        images.immutable_tags,
        {"mutable": _names(images.MUTABLE, "logical names of repositories that are exempt, with * and ?")},
    ),
    ResourceRule("images-by-digest", "Jobs name their image by its digest.", images.images_by_digest),
    ResourceRule("encrypted-storage", "Storage is encrypted, on the disk and on the way.", storage.encrypted_storage),
    ResourceRule("no-public-bucket", "No bucket can be made public.", storage.no_public_bucket),
    ResourceRule(
        "only-triggers-are-public",
        "The only public endpoint is a trigger with a token.",
        endpoints.only_triggers_are_public,
    ),
    ResourceRule(
        "tags-present",
        "Everything says what it belongs to.",
        tags.tags_present,
        {"also": _names([], "tags that everything must have beside project, stack and node")},
    ),
)
STACK_RULES = (
    StackRule("every-bucket-blocked", "Each bucket on S3 blocks public access.", storage.every_bucket_blocked),
    StackRule(
        "cost-ceiling",
        "No node costs more a month than its ceiling.",
        costs.cost_ceiling,
        {
            "usdAMonth": {"type": "number", "minimum": 0, "description": "for each node, in USD"},
            "minutes": {"type": "number", "exclusiveMinimum": 0, "default": costs.MINUTES, "description": "of a run"},
        },
    ),
)


def defaults(rule: ResourceRule | StackRule) -> dict[str, Any]:
    """A rule's settings as the engine gives them where nobody set any."""
    return {name: schema["default"] for name, schema in rule.settings.items() if "default" in schema}


def broken(
    resources: Sequence[Resource], stack: Mapping[str, str] | None = None, secrets: frozenset[str] = frozenset()
) -> list[str]:
    """What the rules with their defaults say of resources, as `RULE: NAME: SENTENCE`."""
    found = []
    for rule in RESOURCE_RULES:
        given = Given(defaults(rule), stack or {}, secrets)
        for resource in resources:
            found += [f"{rule.name}: {resource.type} {resource.name}: {each}" for each in rule.check(resource, given)]
    for whole in STACK_RULES:
        given = Given(defaults(whole), stack or {}, secrets)
        found += [f"{whole.name}: {sentence}" for sentence, _ in whole.check(resources, given)]
    return found
