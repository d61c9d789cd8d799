"""Reads the keys that give strings to names: the container's variables, and tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nodefile import secret_values, variables
from nodefile.fields import read_any_text
from nodefile.mistakes import Mistakes, at_key, read_part
from nodefile.model import RESERVED_TAGS
from nodefile.problems import format_value

_SECRET_NAME = re.compile(r".*(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|(SECRET|ACCESS|PRIVATE)_?KEY)", re.IGNORECASE)
_READABLE = "`env` is readable in nodes.yaml, in the stack's state and in the cloud's console"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_TAG_NAME, MAX_TAG_VALUE = 128, 256


def read_env(value: Any) -> dict[str, str]:
    """Return environment variables for the container."""

    def check(name: str) -> str | None:
        if not _ENV_NAME.fullmatch(name):
            return f'"{name}" is not a valid variable name; expected letters, digits and _, such as MY_NAME.'
        if name in variables.RESERVED:
            return f"{name} is set automatically for every node; choose another name."
        if name.startswith("NUMERAI_"):
            return f"{name} begins with NUMERAI_, which is reserved for the API keys; choose another name."
        if value[name] and _SECRET_NAME.fullmatch(name):
            return (
                f"{name} looks like a secret, and {_READABLE}: write `secrets: [{name.upper()}]` instead, and set the "
                f"value with `pulumi config set --secret {name.upper()}`."
            )
        return None

    return _read_texts(value, check, _read_plain)


def _read_plain(value: Any) -> str:
    text = read_any_text(value)
    if kind := secret_values.recognise(text):
        raise ValueError(
            f"the value looks like {kind}, and {_READABLE}: name the variable in `secrets` instead, set the value with "
            "`pulumi config set --secret NAME`, and replace it where it was issued if this file was committed."
        )
    return text


def read_tags(value: Any) -> dict[str, str]:
    """Return tags that meet the rules common to all clouds; `providers/<cloud>/limits.py` checks each cloud's own."""

    def check(name: str) -> str | None:
        if name.lower() in RESERVED_TAGS:
            return f'the tag "{name}" is set automatically on every resource; choose another name.'
        if not name.strip() or not name.isprintable():
            return f"{name!r} is not a valid tag name; expected visible characters, such as team."
        if len(name) > MAX_TAG_NAME:
            return f"a tag name of {len(name)} characters is too long; the limit is {MAX_TAG_NAME}."
        return None

    return _read_texts(value, check, _read_tag_value)


def _read_tag_value(value: Any) -> str:
    if not read_any_text(value).isprintable():
        raise ValueError("a tag value cannot contain line breaks or control characters.")
    if len(value) > MAX_TAG_VALUE:
        raise ValueError(f"a tag value of {len(value)} characters is too long; the limit is {MAX_TAG_VALUE}.")
    return str(value)


def _read_texts(value: Any, check: Callable[[str], str | None], read: Callable[[Any], str]) -> dict[str, str]:
    """Return a mapping of names to strings. `check` returns a message for a wrong name, or None."""
    if not isinstance(value, dict):
        raise ValueError(f"expected names with values, such as {{NAME: value}}, got {format_value(value)}.")
    mistakes = [at_key(name, message) for name in value if (message := check(name)) is not None]
    texts = {name: read_part(mistakes, value, name, read) for name in value}
    if mistakes:
        raise Mistakes(mistakes)
    return texts
