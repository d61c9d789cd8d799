"""The rules by name, with their descriptions and settings (`--policy-pack-config FILE`).

All rules are mandatory: a preview that violates one fails, and so does `up`, before it changes anything. A
configuration file can make any of them advisory or disable it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from policies.resource import Context, Resource
from policies.rules import (
    aws_roles,
    azure_roles,
    costs,
    endpoints,
    gcp_roles,
    images,
    job_rights,
    keys,
    logs,
    storage,
    tags,
)

ResourceCheck = Callable[[Resource, Context], Iterator[str]]
StackCheck = Callable[[Sequence[Resource], Context], Iterator[tuple[str, str]]]
Check = TypeVar("Check")


@dataclass(frozen=True)
class Rule(Generic[Check]):
    """A rule. It checks one resource before it is created, or all resources at the end of a preview or an `up`."""

    name: str
    description: str
    check: Check
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON Schema of each setting; the engine fills in a `default`."""


def _describe_names(default: list[str], description: str) -> Mapping[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "default": default, "description": description}


RESOURCE_RULES: tuple[Rule[ResourceCheck], ...] = (
    Rule("no-plaintext-key", "API keys and secret settings are never in plain text.", keys.no_plaintext_key),
    Rule(
        "no-wildcard-on-aws",
        "Roles on AWS name their actions and resources.",
        aws_roles.no_wildcard_on_aws,
        {"managed": _describe_names(aws_roles.MANAGED, "AWS managed policies that may be attached")},
    ),
    Rule("no-wildcard-on-gcp", "Roles on Google Cloud have one purpose.", gcp_roles.no_wildcard_on_gcp),
    Rule("no-wildcard-on-azure", "Roles on Azure have one purpose.", azure_roles.no_wildcard_on_azure),
    Rule("rights-of-jobs", "Jobs' code has only rights that nodes.yaml names.", job_rights.rights_of_jobs),
    Rule(
        "log-retention-set",
        "Logs are kept for a limited time.",
        logs.log_retention_set,
        {"mostDays": {"type": "number", "minimum": 1, "default": logs.MOST_DAYS}},
    ),
    Rule(
        "immutable-tags",
        "Tags of images cannot be moved.",
        images.immutable_tags,
        {"mutable": _describe_names(images.MUTABLE, "logical names of exempt repositories, with wildcards * and ?")},
    ),
    Rule("images-by-digest", "Jobs name their image by its digest.", images.images_by_digest),
    Rule("encrypted-storage", "Storage is encrypted at rest and in transit.", storage.encrypted_storage),
    Rule("no-public-bucket", "No bucket can be made public.", storage.no_public_bucket),
    Rule(
        "only-triggers-are-public",
        "The only public endpoints are triggers with a token.",
        endpoints.only_triggers_are_public,
    ),
    Rule(
        "tags-present",
        "Resources are tagged with project, stack and node.",
        tags.tags_present,
        {"also": _describe_names([], "additional tags that every resource must have")},
    ),
)
STACK_RULES: tuple[Rule[StackCheck], ...] = (
    Rule("every-bucket-blocked", "Each bucket on S3 blocks public access.", storage.every_bucket_blocked),
    Rule(
        "cost-ceiling",
        "No node costs more a month, with its rescue at rest, than its ceiling.",
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
