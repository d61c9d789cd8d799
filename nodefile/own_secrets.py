"""The key `secrets`: names of variables whose values are in the stack's encrypted configuration.

A name is also that of the setting, and of the secret in the cloud's store. Key Vault does not distinguish capitals and
has no underscores, so names are in capitals, and single underscores become hyphens there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nodefile import variables
from nodefile.fields import read_text
from nodefile.mistakes import read_items
from nodefile.problems import format_value

MAX_NAME = 64
_NAME = r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*"
NAMES = {
    "type": "array",
    "items": {"type": "string", "pattern": f"^{_NAME}$", "maxLength": MAX_NAME},
    "uniqueItems": True,
}


def read_secrets(value: Any) -> tuple[str, ...]:
    """Return the names in alphabetical order."""
    if not isinstance(value, list):
        raise ValueError(f"expected a list of names, such as [EODHD_TOKEN], got {format_value(value)}.")
    return tuple(sorted(set(read_items(value, _read_name))))


def _read_name(value: Any) -> str:
    name = read_text(value)
    if len(name) > MAX_NAME or not re.fullmatch(_NAME, name):
        raise ValueError(
            f"{format_value(name)} is not a valid name of a secret; expected at most {MAX_NAME} capitals, digits and "
            "single underscores, such as EODHD_TOKEN. The value is not part of nodes.yaml."
        )
    if name in variables.RESERVED:
        raise ValueError(f"{name} is set automatically for every node; choose another name.")
    if name.startswith("NUMERAI_"):
        raise ValueError(
            f"{name} begins with NUMERAI_, which is reserved for the API keys; every node gets those without `secrets`."
        )
    return name


def check_names(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for each name that is in an entry's `env` as well as in its `secrets`."""
    for name in sorted({*values.get("env", ())} & {*values.get("secrets", ())}):
        yield "secrets", f"{name} is in `env` too; remove it there, because `env` is not secret."
