"""Generates nodes.schema.json from the declarations of the keys, for completion and checks in editors.

`python -m nodefile.schema` writes it next to nodes.yaml. With `--check` it exits with 1 if the file is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nodefile.model import MAX_NAME, NODE_NAME
from nodefile.node import FIELDS, KEYS, Node
from nodefile.stacks import FORMS

TARGET = Path(__file__).parents[1] / "nodes.schema.json"
_NOTHING = {"type": "null"}


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema of nodes.yaml."""
    node = Node.model_json_schema()
    entry = {
        "additionalProperties": False,
        "description": "The keys of `defaults` and of each node in nodes.yaml; a missing key is the same as null.",
        "properties": {name: _build_property(name, node["properties"][field]) for name, field in FIELDS.items()},
        "title": "Entry",
        "type": "object",
    }
    names = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    stack = {"additionalProperties": False, "minProperties": 1, "maxProperties": 1, "type": "object"}
    reference = {"$ref": "#/$defs/Entry"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": dict(sorted({**node["$defs"], "Entry": entry}.items())),
        "additionalProperties": False,
        "description": "Prediction nodes of Numerai models on AWS, GCP and Azure; `pulumi up` applies this file.",
        "properties": {
            "defaults": {
                "anyOf": [reference, _NOTHING],
                "default": None,
                "description": "Values for every node that does not set its own.",
            },
            "nodes": {
                "additionalProperties": reference,
                "description": "The nodes by name.",
                "title": "Nodes",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": NODE_NAME, "minLength": 2, "maxLength": MAX_NAME},
            },
            "stacks": {
                "anyOf": [
                    {
                        "additionalProperties": {**stack, "properties": dict.fromkeys(FORMS, names)},
                        "minProperties": 1,
                        "type": "object",
                    },
                    _NOTHING,
                ],
                "default": None,
                "description": "The stacks by name, if several share the nodes: by cloud, by region or by node.",
            },
        },
        "required": ["nodes"],
        "title": "nodes.yaml",
        "type": "object",
    }


def _build_property(name: str, resolved: dict[str, Any]) -> dict[str, Any]:
    """Return a key's schema from that of the node's field. In the file, every key may be missing or have no value."""
    options = {key: value for key, value in resolved.items() if key not in ("title", "description", "default")}
    default = resolved.get("default")
    property_ = {
        "anyOf": [option for option in options.get("anyOf", [options]) if option != _NOTHING] + [_NOTHING],
        "default": default if isinstance(default, str | bool) else None,  # nodes.yaml spells other values differently
        "description": KEYS[name].about.replace("`", ""),
    }
    return {**property_, "title": name.capitalize()} if "title" in resolved else property_


def render() -> str:
    """Return the file's text."""
    return json.dumps(build_schema(), indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file, or check it."""
    if "--check" in arguments:
        if TARGET.exists() and TARGET.read_text() == render():
            return 0
        sys.stderr.write(f"{TARGET.name} is stale. Run: python -m nodefile.schema\n")
        return 1
    TARGET.write_text(render())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
