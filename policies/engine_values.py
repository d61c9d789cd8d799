"""What the engine sends, as the rules see it: marks of secrets become paths, unknown values UNKNOWN, assets texts.

The marks are those of Pulumi's protocol. Pulumi's policy library takes the marks of secrets off before a rule runs,
which a rule about secrets cannot do without, so the rules are given what is made here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from policies.resource import UNKNOWN, Resource, texts

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, the same for everybody
# The engine's words for a boolean, number, text, list, asset, archive or object that is not known yet.
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


def resource(
    type_: str, name: str, urn: str, sent: Mapping[str, Any], refers: Mapping[str, frozenset[str]] | None = None
) -> Resource:
    """A resource from the properties that the engine sent."""
    secret: set[str] = set()
    props = {key: plain(value, key, secret) for key, value in sent.items()}
    return Resource(type_, name, props, urn, frozenset(secret), refers or {})


def plain(value: Any, path: str, secret: set[str]) -> Any:
    """A value without marks; the paths of secrets go to `secret`."""
    if isinstance(value, str):
        return UNKNOWN if value in _UNKNOWN else value
    if isinstance(value, list):
        return [plain(item, f"{path}[{index}]", secret) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if value.get(_SIGNATURE) == _SECRET:
        secret.add(path)
        return plain(value.get("value"), path, secret)
    return {key: plain(item, f"{path}.{key}", secret) for key, item in value.items() if key != _SIGNATURE}


def secret_values(config: Mapping[str, str], names: list[str], environment: Mapping[str, str]) -> frozenset[str]:
    """Every secret text of the stack's settings, also inside of structured ones, and Numerai's keys of the
    environment."""
    found = {
        value for name, value in environment.items() if name.startswith(("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"))
    }
    for name in names:
        text = config.get(name, "")
        found.add(text)
        try:
            found |= {each for _, each in texts(json.loads(text))}
        except ValueError:
            continue
    return frozenset(value for value in found if value)
