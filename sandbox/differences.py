"""Compares the properties of a resource, and merges what has changed into what the service has set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulumi.runtime.proto import provider_pb2

from sandbox.values import is_asset

Path = tuple[str | int, ...]
Kind = provider_pb2.PropertyDiff.Kind


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield (path, kind) for every difference between two comparable values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted((old.keys() | new.keys()) - {"__defaults"}):
            yield from changes(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            left = old[index] if index < len(old) else None
            right = new[index] if index < len(new) else None
            yield from changes(left, right, (*path, index))
    elif old != new:
        yield path, Kind.ADD if old is None else Kind.DELETE if new is None else Kind.UPDATE


def format_path(path: Path) -> str:
    """Return a path in the engine's notation: a.b[0]."""
    text = str(path[0])
    for step in path[1:]:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if step.isidentifier() else f'["{step}"]'
    return text


def visible(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties without the provider's own entry `__defaults`."""
    return {key: value for key, value in properties.items() if key != "__defaults"}


def merge_outputs(outputs: dict[str, Any], old_inputs: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """Overlay old outputs with new inputs; values that only the service had set are kept, also inside objects."""
    merged = {key: value for key, value in outputs.items() if key in inputs or key not in old_inputs}
    for key, value in inputs.items():
        old, before = outputs.get(key), old_inputs.get(key)
        nested = isinstance(old, dict) and isinstance(before, dict) and _is_object(value)
        merged[key] = merge_outputs(dict(old or {}), dict(before or {}), value) if nested else value
    return merged


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and not is_asset(value)
