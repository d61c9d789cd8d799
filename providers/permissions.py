"""What one resource type, look-up or command asks of its cloud, and what follows for each of the three ways to deploy.

- preview: `pulumi preview`, which compares with the stack's state and asks the cloud for look-ups only. For pull
  requests, whose code is not yet trusted.
- drift: `pulumi refresh --preview-only` and what `pnodes` shows; reads everything, changes nothing.
- up: all of it, `pnodes stop` and `pulumi destroy` as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml


class Way(StrEnum):
    """How the program is run, from few rights to many."""

    PREVIEW = "preview"
    DRIFT = "drift"
    UP = "up"


@dataclass(frozen=True)
class Row:
    """Actions, separated by spaces: of a look-up, of reading, of making, changing and deleting; and who says so."""

    source: str
    look_up: str = ""
    """Asked in every preview."""
    read: str = ""
    create: str = ""
    update: str = ""
    delete: str = ""

    def actions(self, way: Way) -> set[str]:
        """What this way of running takes of it."""
        parts = [self.look_up]
        parts += [self.read] if way is not Way.PREVIEW else []
        parts += [self.create, self.update, self.delete] if way is Way.UP else []
        return {action for part in parts for action in part.split()}


Table = Mapping[str, Row]
"""By what Pulumi calls a resource type or a look-up, or by the command of `pnodes`."""


def needed(table: Table, way: Way) -> list[str]:
    """All actions that a way of running takes, sorted."""
    return sorted(set().union(*(row.actions(way) for row in table.values())))


def missing(table: Table, types: Iterable[str]) -> list[str]:
    """The types that have no row."""
    return sorted(set(types) - set(table))


def write_json(document: Mapping[str, Any]) -> str:
    """A document as a JSON file's text."""
    return json.dumps(document, indent=2) + "\n"


def write_yaml(document: Mapping[str, Any]) -> str:
    """A document as a YAML file's text, keys in their own order."""
    return yaml.safe_dump(dict(document), sort_keys=False, width=1000)
