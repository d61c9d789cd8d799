"""What a rule sees: one resource as the engine is about to make it, and what is set for the stack and for the rule.

A value that only the cloud will know is UNKNOWN, which no rule objects to: the engine asks again with the real value
before it makes the resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pnodes.urn import split_urn


class _Unknown:
    """The one value of its kind."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True)
class Given:
    """`config` is the rule's own (its schema's defaults filled in), `stack` the stack's settings, `secrets` the values
    that may be nowhere in plain text."""

    config: Mapping[str, Any] = field(default_factory=dict)
    stack: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Resource:
    """One resource: its inputs, or in rules about the whole stack its outputs. `secret` are the paths of secret values;
    `refers` are the URNs that a property comes from."""

    type: str
    name: str
    props: Mapping[str, Any]
    urn: str = ""
    secret: frozenset[str] = frozenset()
    refers: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """aws:iam:Role for aws:iam/role:Role; azure-native:app:Job for azure-native:app/v2025:Job."""
        parts = self.type.split(":")
        return f"{parts[0]}:{parts[1].split('/')[0]}:{parts[2]}" if len(parts) == 3 else self.type

    @property
    def parents(self) -> tuple[str, ...]:
        """The types of the components that it is part of, outermost first."""
        return split_urn(self.urn).parents

    def inside(self, component: str) -> bool:
        """Whether it is part of a component of this project: Trigger, Cluster, PredictionNode, ..."""
        return any(
            parent.startswith("prediction-nodes:") and parent.endswith(f":{component}") for parent in self.parents
        )

    def at(self, path: str) -> Any:
        """The value at `a.b.c`; None where there is none, UNKNOWN where a part of the way is not known."""
        value: Any = self.props
        for part in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with its path as `secret` writes it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts(item, f"{path}[{index}]")


def items(value: Any) -> list[Any]:
    """A list as it is, nothing as an empty one, anything else as its only member."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
