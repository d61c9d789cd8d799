"""nodes.schema.json, made from the declarations of the keys: completion and checks in editors.

`python -m nodefile.schema` writes it beside nodes.yaml; `--check` exits with 1 when the file is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nodefile.model import MAX_NAME, NODE_NAME
from nodefile.node import FIELDS, KEYS, Node

TARGET = Path(__file__).parents[1] / "nodes.schema.json"
_NOTHING = {"type": "null"}


def schema() -> dict[str, Any]:
    """The JSON Schema of nodes.yaml."""
    node = Node.model_json_schema()
    entry = {
        "additionalProperties": False,
        "description": "What `defaults` and each node of nodes.yaml may hold; what is absent is None.",
        "properties": {name: _property(name, node["properties"][field]) for name, field in FIELDS.items()},
        "title": "Entry",
        "type": "object",
    }
    reference = {"$ref": "#/$defs/Entry"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": dict(sorted({**node["$defs"], "Entry": entry}.items())),
        "additionalProperties": False,
        "description": "Prediction nodes of Numerai models on AWS, GCP and Azure; `pulumi up` makes the clouds follow "
        "this file.",
        "properties": {
            "defaults": {
                "anyOf": [reference, _NOTHING],
                "default": None,
                "description": "What holds for every node that does not say otherwise.",
            },
            "nodes": {
                "additionalProperties": reference,
                "description": "The nodes by name.",
                "title": "Nodes",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": NODE_NAME, "minLength": 2, "maxLength": MAX_NAME},
            },
        },
        "required": ["nodes"],
        "title": "nodes.yaml",
        "type": "object",
    }


def _property(name: str, resolved: dict[str, Any]) -> dict[str, Any]:
    """A key's schema from the one of the node's field: the file may leave every key out, or write nothing after it."""
    options = {key: value for key, value in resolved.items() if key not in ("title", "description", "default")}
    default = resolved.get("default")
    written = {
        "anyOf": [option for option in options.get("anyOf", [options]) if option != _NOTHING] + [_NOTHING],
        "default": default if isinstance(default, str | bool) else None,  # other values are spelled differently
        "description": KEYS[name].about.replace("`", ""),
    }
    return {**written, "title": name.capitalize()} if "title" in resolved else written


def text() -> str:
    """The file's text."""
    return json.dumps(schema(), indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file, or check it."""
    if "--check" in arguments:
        if TARGET.exists() and TARGET.read_text() == text():
            return 0
        sys.stderr.write(f"{TARGET.name} is stale. Run: python -m nodefile.schema\n")
        return 1
    TARGET.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
