"""The input of a rule: a resource that the engine is about to create, and the settings of the stack and of the rule.

A value that only the cloud will know is UNKNOWN. Rules accept it, because the engine runs them again with the real
value before it creates the resource.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pnodes.urn import split_urn


class _Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True)
class Context:
    """The settings that a rule may use.

    `config` is the rule's configuration with defaults filled in, `stack` is the stack's configuration, and `secrets`
    are the values that must not be in plain text anywhere.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    stack: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Resource:
    """A resource. `props` are its inputs, or its outputs in rules that check the whole stack.

    `secret` are the paths of secret values. `dependencies` are the URNs of the resources that a property depends on.
    """

    type: str
    name: str
    props: Mapping[str, Any]
    urn: str = ""
    secret: frozenset[str] = frozenset()
    dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The short type: aws:iam:Role for aws:iam/role:Role, azure-native:app:Job for azure-native:app/v2025:Job."""
        parts = self.type.split(":")
        return f"{parts[0]}:{parts[1].split('/')[0]}:{parts[2]}" if len(parts) == 3 else self.type

    @property
    def parents(self) -> tuple[str, ...]:
        """The types of the components that contain it, outermost first."""
        return split_urn(self.urn).parents

    def is_inside(self, component: str) -> bool:
        """Whether a component of this project contains it: Trigger, Cluster, PredictionNode, ..."""
        return any(
            parent.startswith("prediction-nodes:") and parent.endswith(f":{component}") for parent in self.parents
        )

    def get(self, path: str) -> Any:
        """Return the value at a path such as `a.b.c`: None if there is none, UNKNOWN if a part of it is unknown."""
        value: Any = self.props
        for part in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def find_texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path (as in `Resource.secret`) and the content of every string in a value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from find_texts(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from find_texts(item, f"{path}[{index}]")


def as_list(value: Any) -> list[Any]:
    """Return a list unchanged, None as an empty list, and any other value as a list of one."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def parse_json(value: Any) -> Any:
    """Return the value of a JSON text, an empty mapping for another text, and any other value unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return {}
