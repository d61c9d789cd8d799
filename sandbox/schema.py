"""Checks inputs in a preview against extracts of the real providers' schemas (`schemas/*.json`).

The extracts contain enums, patterns, ranges and the properties whose change replaces a resource; each file names its
source. Names, required inputs and types come from the installed SDKs (`sdk_types`), which are newer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.values import UNKNOWN

_HERE = Path(__file__).parent / "schemas"
_FILES = {"aws": "aws.json", "gcp": "gcp.json", "azure-native": "azure.json", "docker-build": "docker-build.json"}
Failure = tuple[str, str]


@cache
def load(package: str) -> Schema:
    """Load the extract of one provider."""
    return Schema(json.loads((_HERE / _FILES[package]).read_text(encoding="utf-8")))


class Schema:
    """One provider's extract, in either form (Pulumi schema or ARM types)."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._resources: dict[str, dict[str, Any]] = data["resources"]
        self._types: dict[str, dict[str, Any]] = data["types"]

    def has_type(self, type_: str) -> bool:
        """Return whether the extract contains this resource type."""
        return type_ in self._resources

    def inputs(self, type_: str) -> dict[str, dict[str, Any]]:
        """Return a type's input properties by wire name, without read-only ones."""
        resource = self._resources[type_]
        properties: dict[str, dict[str, Any]] = resource.get("inputProperties") or resource.get("inputs") or {}
        return {name: spec for name, spec in properties.items() if not spec.get("readOnly")}

    def check(self, type_: str, inputs: dict[str, Any]) -> Iterator[Failure]:
        """Yield missing required inputs and values outside enums, patterns and ranges; `sdk_types` checks the names."""
        if not self.has_type(type_):
            return
        specs = self.inputs(type_)
        required = set(self._resources[type_].get("requiredInputs", ()))
        required |= {name for name, spec in specs.items() if spec.get("required")}
        for name in sorted(required - inputs.keys()):
            yield name, f"Missing required property '{name}'"
        yield from self._check_object(specs, inputs, "")

    def _check_object(self, specs: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[Failure]:
        for name, item in value.items():
            if name in specs and item is not None:
                yield from self._check_value(specs[name], item, f"{path}{name}")

    def _check_value(self, spec: dict[str, Any], value: Any, path: str) -> Iterator[Failure]:
        if value == UNKNOWN:
            return
        if isinstance(value, list) and "items" in spec:
            for index, item in enumerate(value):
                yield from self._check_value(spec["items"], item, f"{path}[{index}]")
        elif isinstance(value, dict) and "ref" in spec:
            yield from self._check_ref(spec["ref"], value, path)
        else:
            yield from _check_scalar(spec, value, path)

    def _check_ref(self, ref: str, value: dict[str, Any], path: str) -> Iterator[Failure]:
        type_ = self._types.get(ref, {})
        properties: dict[str, dict[str, Any]] = type_.get("properties", {})
        required = set(type_.get("required", ())) | {
            name for name, spec in properties.items() if spec.get("required") and not spec.get("readOnly")
        }
        for name in sorted(required - value.keys()):
            yield f"{path}.{name}", f"Missing required property '{path}.{name}'"
        yield from self._check_object(properties, value, f"{path}.")

    def replaces(self, type_: str, path: Iterable[str | int]) -> bool:
        """Return whether a change at this path of the inputs replaces the resource."""
        if not self.has_type(type_):
            return False
        specs = self.inputs(type_)
        spec: dict[str, Any] = {}
        for step in path:
            if isinstance(step, int):
                spec = spec.get("items", {})
            else:
                spec = specs.get(step, {})
            if spec.get("willReplaceOnChanges"):
                return True
            ref = spec.get("ref") or spec.get("items", {}).get("ref")
            specs = self._types.get(ref, {}).get("properties", {}) if ref else {}
        return False


def _check_scalar(spec: dict[str, Any], value: Any, path: str) -> Iterator[Failure]:
    expected = spec.get("type")
    wrong = (
        (expected == "string" and not isinstance(value, str | bytes))
        or (expected == "boolean" and not isinstance(value, bool))
        or (expected == "integer" and (isinstance(value, bool) or not isinstance(value, int)))
        or (expected == "number" and (isinstance(value, bool) or not isinstance(value, int | float)))
        or (expected == "array" and not isinstance(value, list))
    )
    if wrong:
        yield path, f"expected type '{expected}', got {type(value).__name__}"
        return
    if "enum" in spec and value not in spec["enum"]:
        yield path, f"expected one of {', '.join(map(str, spec['enum']))}, got {value!r}"
    if isinstance(value, str):
        if "pattern" in spec and not re.search(spec["pattern"], value):
            yield path, f"{value!r} does not match {spec['pattern']}"
        if len(value) < spec.get("minLength", 0) or len(value) > spec.get("maxLength", 10**9):
            low, high = spec.get("minLength", 0), spec.get("maxLength", "any number of")
            yield path, f"{value!r} has {len(value)} characters, expected {low} to {high}"
    elif isinstance(value, int | float) and not spec.get("minimum", value) <= value <= spec.get("maximum", value):
        yield path, f"expected {spec.get('minimum', '-inf')} to {spec.get('maximum', 'inf')}, got {value}"
