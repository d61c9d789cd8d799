"""nodes.schema.json, made from the model: completion and checks in editors.

`python -m nodefile.schema` writes it beside nodes.yaml; `--check` exits with 1 when the file is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nodefile.entry import File
from nodefile.model import MAX_NAME, NODE_NAME

TARGET = Path(__file__).parents[1] / "nodes.schema.json"


def schema() -> dict[str, Any]:
    """The JSON Schema of nodes.yaml."""
    made: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **File.model_json_schema()}
    made["title"] = "nodes.yaml"
    nodes = made["properties"]["nodes"]
    nodes["minProperties"] = 1
    nodes["propertyNames"] = {"pattern": NODE_NAME, "minLength": 2, "maxLength": MAX_NAME}
    return made


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
