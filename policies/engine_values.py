"""Converts the engine's property values for the rules: marks of secrets become paths, unknown values become UNKNOWN and
assets become strings.

The marks are those of Pulumi's protocol. Pulumi's policy library removes the marks of secrets before a rule runs, but
rules about secrets need them, so the rules get the values of this module instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from policies.resource import UNKNOWN, Resource, find_texts

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a constant of the protocol
# The engine's placeholders for an unknown boolean, number, string, list, asset, archive and object.
_UNKNOWN = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


def read_resource(
    type_: str,
    name: str,
    urn: str,
    properties: Mapping[str, Any],
    dependencies: Mapping[str, frozenset[str]] | None = None,
) -> Resource:
    """Return a resource with the properties from the engine."""
    secret: set[str] = set()
    props = {key: unwrap(value, key, secret) for key, value in properties.items()}
    return Resource(type_, name, props, urn, frozenset(secret), dependencies or {})


def unwrap(value: Any, path: str, secret: set[str]) -> Any:
    """Return a value without marks, and add the paths of secrets to `secret`."""
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN else value
    if isinstance(value, list):
        return [unwrap(item, f"{path}[{index}]", secret) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if value.get(_SIGNATURE) == _SECRET:
        secret.add(path)
        return unwrap(value.get("value"), path, secret)
    return {key: unwrap(item, f"{path}.{key}", secret) for key, item in value.items() if key != _SIGNATURE}


def find_secrets(config: Mapping[str, str], names: list[str], environment: Mapping[str, str]) -> frozenset[str]:
    """Return every secret string: the stack's settings of these names, strings inside structured ones, and Numerai's
    keys in the environment."""
    secrets = {
        value for name, value in environment.items() if name.startswith(("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"))
    }
    for name in names:
        text = config.get(name, "")
        secrets.add(text)
        try:
            secrets |= {part for _, part in find_texts(json.loads(text))}
        except ValueError:
            continue
    return frozenset(secret for secret in secrets if secret)
