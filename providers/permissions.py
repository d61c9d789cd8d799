"""The permissions that resource types, look-ups and commands need, and those that each of the three roles needs in all.

- preview: `pulumi preview`, which compares nodes.yaml with the stack's state and calls the cloud for look-ups only. For
  pull requests, whose code is not yet trusted.
- drift: `pulumi refresh --preview-only` and the reading commands of `pnodes`. Reads everything and changes nothing.
- up: everything, including `pulumi destroy` and `pnodes stop`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml


class Way(StrEnum):
    """The three ways to run the program, from the fewest permissions to the most."""

    PREVIEW = "preview"
    DRIFT = "drift"
    UP = "up"


@dataclass(frozen=True)
class Row:
    """The actions of one resource type, look-up or command, separated by spaces, and the source that lists them."""

    source: str
    look_up: str = ""
    """Called in every preview."""
    read: str = ""
    create: str = ""
    update: str = ""
    delete: str = ""

    def actions(self, way: Way) -> set[str]:
        """Return the actions that this way of running needs."""
        parts = [self.look_up]
        parts += [self.read] if way is not Way.PREVIEW else []
        parts += [self.create, self.update, self.delete] if way is Way.UP else []
        return {action for part in parts for action in part.split()}


Table = Mapping[str, Row]
"""Rows by Pulumi's name of the resource type or look-up, or by the `pnodes` command."""


def list_actions(table: Table, way: Way) -> list[str]:
    """Return all actions that a way of running needs, sorted."""
    return sorted(set().union(*(row.actions(way) for row in table.values())))


def write_json(document: Mapping[str, Any]) -> str:
    """Return the text of a JSON file."""
    return json.dumps(document, indent=2) + "\n"


def write_yaml(document: Mapping[str, Any]) -> str:
    """Return the text of a YAML file, with the keys in their given order."""
    return yaml.safe_dump(dict(document), sort_keys=False, width=1000)
