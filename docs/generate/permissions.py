"""The tables as the files that each cloud's command line takes: what lies in docs/permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from providers.aws import permissions as aws
from providers.azure import permissions as azure
from providers.gcp import permissions as gcp
from providers.permissions import Way


def documents() -> Iterator[tuple[str, str]]:
    """File name and text of each."""
    for way in Way:
        yield f"aws-{way}.json", _json(aws.policy(way))
        yield f"gcp-{way}.yaml", _yaml(gcp.role(way))
        yield f"azure-{way}.json", _json(azure.role(way))
    yield "gcp-grants.yaml", _yaml(gcp.grants())
    yield (
        "gcp-grants-condition.yaml",
        _yaml(
            {
                "title": "only-what-nodes-need",
                "description": "The two roles that the builders of prediction nodes get on the project",
                "expression": gcp.CONDITION,
            }
        ),
    )
    yield "azure-condition.txt", azure.condition() + "\n"


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=1000)
