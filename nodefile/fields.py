"""One reader for each kind of value in nodes.yaml: from what YAML gave to what `Node` holds, or what is wrong with it.
In capitals, the JSON Schemas of values that the file spells differently from `Node`.

A reader raises ValueError with a sentence; `Mistakes` when several things inside one value are wrong, each with its
place; `NotText` when a number or true/false stands where a text belongs, since only the file's own spelling (3.10, not
3.1) makes a good advice.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from nodefile import cron, sizes, variables
from nodefile.clouds import REGIONS
from nodefile.model import RESERVED_TAGS, Build, Schedule, Size, Tournament, is_uuid
from nodefile.problems import did_you_mean, listed, shown

TEXT = {"type": "string"}
AMOUNT = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*(GiB|MiB)$"}
ACCOUNT = {"type": "string", "pattern": r"^(?=.{1,20}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$"}
CLOUD = {"type": "string", "enum": list(REGIONS)}
COMMAND = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
SIZE = {
    "anyOf": [
        {"enum": list(sizes.PRESETS)},
        {
            "type": "object",
            "properties": {"cpu": {"type": "number", "exclusiveMinimum": 0}, "memory": AMOUNT},
            "required": ["cpu", "memory"],
            "additionalProperties": False,
        },
    ]
}
SCHEDULE = {
    "anyOf": [
        TEXT,
        {
            "type": "object",
            "properties": {"cron": TEXT, "timezone": {"type": "string", "default": "UTC"}},
            "required": ["cron"],
            "additionalProperties": False,
        },
    ]
}
BUILD = {
    "type": "object",
    "properties": {"docker": {"type": "boolean", "default": False}},
    "required": ["docker"],
    "additionalProperties": False,
}
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_TAG_NAME, MAX_TAG_VALUE = 128, 256
_NEARLY_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]+|[0-9a-f]{32}|\{[0-9a-f-]+\}", re.IGNORECASE)


@dataclass(frozen=True)
class Mistake:
    """One mistake inside a value: under which of its keys (or at which place of a list), or in the key itself."""

    key: str | int
    error: ValueError
    at_key: bool = False


class Mistakes(ValueError):
    """Several mistakes inside one value."""

    def __init__(self, found: Sequence[Mistake]) -> None:
        self.found = list(found)
        super().__init__(" ".join(str(mistake.error) for mistake in found))


class NotText(ValueError):
    """A number or true/false where a text belongs."""


def any_text(value: Any) -> str:
    """A text, also an empty one."""
    if value is None:
        raise ValueError('expected a text, got nothing. Write "" for an empty one.')
    if isinstance(value, dict | list):
        raise ValueError(f"expected a text, got {shown(value)}.")
    if not isinstance(value, str):
        raise NotText(f"expected a text, got {shown(value)}.")
    if "\0" in value:
        raise ValueError("a text cannot hold the character \\0.")
    return value


def text(value: Any) -> str:
    """A text with something in it."""
    if not any_text(value).strip():
        raise ValueError("expected a text, got an empty one.")
    return str(value)


def model(value: Any) -> str:
    """A model's name, or its UUID in lower case."""
    name = text(value)
    if is_uuid(name):
        return name.lower()
    if _NEARLY_UUID.fullmatch(name):
        raise ValueError(
            f"{name!r} is nearly a UUID, but not one: expected 8-4-4-4-12 characters such as "
            "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01. Copy it again, or write the model's name."
        )
    return name


def cloud(value: Any) -> str:
    """The name of a cloud."""
    return _one_of(value, list(REGIONS))


def tournament(value: Any) -> Tournament:
    """The name of a tournament."""
    return Tournament(_one_of(value, [each.value for each in Tournament]))


def _one_of(value: Any, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        raise ValueError(f"expected {listed(known)}, got {shown(value)}.{hint}")
    return value


def size(value: Any) -> Size:
    """A preset's name, or cpu and memory."""
    if isinstance(value, str):
        units, mebibytes = sizes.PRESETS[sizes.preset(value)]
        return Size(preset=value, cpu=units / 1024, memory=mebibytes)
    if not isinstance(value, dict):
        raise ValueError(f'expected a preset such as "gen-md", or cpu and memory, got {shown(value)}.')
    found = _unknown(value, "size", ("cpu", "memory"))
    for key in ("cpu", "memory"):
        if key not in value and not found:
            raise ValueError(f"size needs {key} too, such as {{cpu: 2, memory: 8GiB}}.")
    cpu = _part(found, value, "cpu", sizes.vcpus) if "cpu" in value else None
    memory = _part(found, value, "memory", sizes.mebibytes) if "memory" in value else None
    if found:
        raise Mistakes(found)
    return Size(preset=None, cpu=cpu, memory=memory)


def schedule(value: Any) -> Schedule:
    """A cron line, or a cron line and its time zone."""
    if isinstance(value, str):
        return Schedule(cron=cron.read(text(value)), timezone="UTC")
    if not isinstance(value, dict):
        raise ValueError(f'expected a cron line such as "0 14 * * 2-6", or cron and timezone, got {shown(value)}.')
    found = _unknown(value, "schedule", ("cron", "timezone"))
    if value.get("cron") is None and not found:
        raise ValueError('schedule needs a cron line, such as {cron: "0 14 * * 2-6", timezone: UTC}.')
    line = _part(found, value, "cron", lambda given: cron.read(text(given))) if "cron" in value else None
    zone = _part(found, value, "timezone", _timezone) if value.get("timezone") is not None else "UTC"
    if found:
        raise Mistakes(found)
    return Schedule(cron=line, timezone=zone)


def _timezone(value: Any) -> str:
    names = available_timezones()
    if isinstance(value, str) and value in names:
        return value
    by_lower = {name.lower(): name for name in sorted(names)}
    hint = did_you_mean(value, by_lower, by_lower) if isinstance(value, str) else ""
    name = f'"{value}"' if isinstance(value, str) else shown(value)
    raise ValueError(f"there is no time zone {name}; expected a name such as Europe/Berlin.{hint}")


def build(value: Any) -> Build:
    """Where the image is built."""
    if not isinstance(value, dict):
        raise ValueError(f"expected {{docker: true}} or {{docker: false}}, got {shown(value)}.")
    found = _unknown(value, "build", ("docker",))
    if "docker" not in value and not found:
        raise ValueError("build needs docker, such as {docker: true}.")
    docker = _part(found, value, "docker", yes_or_no) if "docker" in value else False
    if found:
        raise Mistakes(found)
    return Build(docker=docker)


def _unknown(value: dict[str, Any], what: str, known: tuple[str, ...]) -> list[Mistake]:
    return [
        _wrong_key(key, f'{what} has no "{key}"; it has {" and ".join(known)}.{did_you_mean(key, known)}')
        for key in value
        if key not in known
    ]


def _wrong_key(key: str, message: str) -> Mistake:
    return Mistake(key, ValueError(message), at_key=True)


def _part(found: list[Mistake], value: Any, key: str | int, read: Callable[[Any], Any]) -> Any:
    """What `read` makes of one part of a mapping or list; what is wrong with it goes to `found`."""
    try:
        return read(value[key])
    except ValueError as error:
        found.append(Mistake(key, error))
        return None


def command(value: Any) -> tuple[str, ...]:
    """A line that is split as a shell would, or the words themselves."""
    found: list[Mistake] = []
    if isinstance(value, str):
        try:
            words = shlex.split(any_text(value))
        except ValueError as error:
            raise ValueError(f"the command's quotes do not match ({error}).") from None
    elif isinstance(value, list):
        words = [_part(found, value, index, any_text) for index in range(len(value))]
    else:
        raise ValueError(f'expected a command such as "python predict.py", or a list of words, got {shown(value)}.')
    if found:
        raise Mistakes(found)
    if not words:
        raise ValueError("expected a command, got an empty one.")
    return tuple(words)


def yes_or_no(value: Any) -> bool:
    """true or false, and none of their other spellings."""
    if isinstance(value, bool):
        return value
    words = {"false": ("no", "off", "n", "0", "false"), "true": ("yes", "on", "y", "1", "true")}
    meant = [word for word, spellings in words.items() if str(value).lower() in spellings]
    hint = f" Write {meant[0]}{' without quotes' if value == meant[0] else ''}." if meant else ""
    raise ValueError(f"expected true or false, got {shown(value)}.{hint}")


def account(value: Any) -> str:
    """The name that a Numerai account has in this project."""
    name = text(value)
    if not re.fullmatch(ACCOUNT["pattern"], name):
        raise ValueError(
            f"{shown(value)} cannot be an account's name here; expected at most 20 lower-case letters, digits and "
            "single hyphens, beginning with a letter. It is a name of your own: the keys are found by it."
        )
    return name


def env(value: Any) -> dict[str, str]:
    """Variables of the container."""

    def wrong(name: str) -> str | None:
        if not _ENV_NAME.fullmatch(name):
            return f'"{name}" cannot be a variable; expected letters, digits and _, such as MY_NAME.'
        if name in variables.RESERVED:
            return f"{name} is set for every node by itself; choose another name."
        if name.startswith("NUMERAI_"):
            return f"{name} begins with NUMERAI_, which is kept for the API keys; choose another name."
        return None

    return _texts(value, wrong, any_text)


def tags(value: Any) -> dict[str, str]:
    """Tags that hold on every cloud; what only one of them does not take is in its limits."""

    def wrong(name: str) -> str | None:
        if name.lower() in RESERVED_TAGS:
            return f'the tag "{name}" is set on every resource by itself; choose another name.'
        if not name.strip() or not name.isprintable():
            return f"{name!r} cannot be a tag; expected visible characters, such as team."
        if len(name) > MAX_TAG_NAME:
            return f"a tag's name of {len(name)} characters is too long; every cloud wants {MAX_TAG_NAME} at most."
        return None

    return _texts(value, wrong, _tag_value)


def _tag_value(value: Any) -> str:
    if not any_text(value).isprintable():
        raise ValueError("a tag's value cannot hold line breaks or control characters.")
    if len(value) > MAX_TAG_VALUE:
        raise ValueError(f"{len(value)} characters are too long for a tag; every cloud wants {MAX_TAG_VALUE} at most.")
    return str(value)


def _texts(value: Any, wrong: Callable[[str], str | None], read: Callable[[Any], str]) -> dict[str, str]:
    """A mapping of names to texts. `wrong` says what is the matter with a name."""
    if not isinstance(value, dict):
        raise ValueError(f"expected names and their values, such as {{NAME: value}}, got {shown(value)}.")
    found = [_wrong_key(name, message) for name in value if (message := wrong(name)) is not None]
    texts = {name: _part(found, value, name, read) for name in value}
    if found:
        raise Mistakes(found)
    return texts
