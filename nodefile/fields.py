"""Readers that check each kind of value in nodes.yaml and turn it from parsed YAML into a field of `Node`. The names in
capitals are JSON Schemas of values that nodes.yaml writes differently from `Node`.

A reader raises ValueError with a sentence, or one of the errors in `mistakes`: several mistakes inside one value, or a
number or true/false instead of a string. The caller then quotes the file's own spelling (3.10, not 3.1) in its advice.
The keys of `watching`, `texts`, `own_rights` and `own_secrets` have their readers there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import available_timezones

from nodefile import cron, sizes
from nodefile.clouds import REGIONS
from nodefile.mistakes import NotText, read_items, read_parts
from nodefile.model import Build, Schedule, Size, Tournament, is_uuid
from nodefile.problems import did_you_mean, format_value, join_words

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
PYTHON = {"type": "string", "pattern": r"^3\.(10|11|12|13)(-slim)?$"}
PACKAGES = {"type": "array", "items": TEXT}
_MODEL_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_VERSIONS = r"\s*(?:==|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+\s*"
_PACKAGE = re.compile(rf"[A-Za-z0-9][\w.-]*(?:\[[\w.,\s-]+\])?(?:{_VERSIONS}(?:,{_VERSIONS})*)?", re.ASCII)
_NEARLY_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]+|[0-9a-f]{32}|\{[0-9a-f-]+\}", re.IGNORECASE)


def read_any_text(value: Any) -> str:
    """Return a string, which may be empty."""
    if value is None:
        raise ValueError('expected a string, got nothing. Write "" for an empty string.')
    if isinstance(value, dict | list):
        raise ValueError(f"expected a string, got {format_value(value)}.")
    if not isinstance(value, str):
        raise NotText(f"expected a string, got {format_value(value)}.")
    if "\0" in value:
        raise ValueError("a string cannot contain the character \\0.")
    return value


def read_text(value: Any) -> str:
    """Return a string that is not blank."""
    if not read_any_text(value).strip():
        raise ValueError("expected a string, got an empty one.")
    return str(value)


def read_model(value: Any) -> str:
    """Return a model's name, or its UUID in lower case."""
    name = read_text(value)
    if is_uuid(name):
        return name.lower()
    if _NEARLY_UUID.fullmatch(name):
        raise ValueError(
            f"{name!r} looks like a UUID but is not valid: expected 8-4-4-4-12 characters such as "
            "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01. Copy it again, or write the model's name."
        )
    if not _MODEL_NAME.fullmatch(name):
        raise ValueError(
            f"{format_value(name)} is not a model's name: expected letters, digits, _, - and dots, or the model's UUID."
        )
    return name


def read_cloud(value: Any) -> str:
    """Return the name of a cloud."""
    return _choose(value, list(REGIONS))


def read_tournament(value: Any) -> Tournament:
    """Return a tournament by its name."""
    return Tournament(_choose(value, [tournament.value for tournament in Tournament]))


def _choose(value: Any, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise ValueError(f"expected {join_words(choices)}, got {format_value(value)}.{hint}")
    return value


def read_size(value: Any) -> Size:
    """Return a size from a preset's name, or from cpu and memory."""
    if isinstance(value, str):
        units, mebibytes = sizes.PRESETS[sizes.check_preset(value)]
        return Size(preset=value, cpu=units / 1024, memory=mebibytes)
    if not isinstance(value, dict):
        raise ValueError(f'expected a preset such as "gen-md", or cpu and memory, got {format_value(value)}.')
    also = {key: f"size also needs {key}, such as {{cpu: 2, memory: 8GiB}}." for key in ("cpu", "memory")}
    readers: dict[str, Callable[[Any], Any]] = {"cpu": sizes.check_vcpus, "memory": sizes.parse_mebibytes}
    return Size(preset=None, **read_parts("size", value, readers, also))


def read_schedule(value: Any) -> Schedule:
    """Return a schedule from a cron line, or from a cron line and a time zone."""
    if isinstance(value, str):
        return Schedule(cron=cron.read(read_text(value)), timezone="UTC")
    if not isinstance(value, dict):
        raise ValueError(
            f'expected a cron line such as "0 14 * * 2-6", or cron and timezone, got {format_value(value)}.'
        )
    readers = {"cron": lambda part: cron.read(read_text(part)), "timezone": _read_timezone}
    needed = {"cron": 'schedule needs a cron line, such as {cron: "0 14 * * 2-6", timezone: UTC}.'}
    parts = {key: part for key, part in value.items() if part is not None or key not in readers}
    return Schedule(**{"timezone": "UTC", **read_parts("schedule", parts, readers, needed)})


def _read_timezone(value: Any) -> str:
    names = available_timezones()
    if isinstance(value, str) and value in names:
        return value
    by_lower = {name.lower(): name for name in sorted(names)}
    hint = did_you_mean(value, by_lower, by_lower) if isinstance(value, str) else ""
    name = f'"{value}"' if isinstance(value, str) else format_value(value)
    raise ValueError(f"there is no time zone {name}; expected a name such as Europe/Berlin.{hint}")


def read_build(value: Any) -> Build:
    """Return where the image is built."""
    if not isinstance(value, dict):
        raise ValueError(f"expected {{docker: true}} or {{docker: false}}, got {format_value(value)}.")
    needed = {"docker": "build needs docker, such as {docker: true}."}
    return Build(**read_parts("build", value, {"docker": read_bool}, needed))


def read_command(value: Any) -> tuple[str, ...]:
    """Return the words of a command. A string is split as a shell splits it."""
    if isinstance(value, str):
        try:
            words = shlex.split(read_any_text(value))
        except ValueError as error:
            raise ValueError(f"the command's quotes do not match ({error}).") from None
    elif isinstance(value, list):
        words = read_items(value, read_any_text)
    else:
        raise ValueError(
            f'expected a command such as "python predict.py", or a list of words, got {format_value(value)}.'
        )
    if not words:
        raise ValueError("expected a command, got an empty one.")
    return tuple(words)


def read_python(value: Any) -> str:
    """Return the Python version of a pickle's image."""
    version = read_text(value)
    if not re.fullmatch(PYTHON["pattern"], version):
        raise ValueError(f'expected "3.10" to "3.13", or one of them with -slim, got {format_value(value)}.')
    return version


def read_packages(value: Any) -> tuple[str, ...]:
    """Return requirements as pip reads them: a name, with extras and versions if needed."""
    if not isinstance(value, list):
        raise ValueError(f"expected a list of packages, such as [lightgbm==4.6.0], got {format_value(value)}.")

    def read(package: Any) -> str:
        if not _PACKAGE.fullmatch(read_text(package)):
            raise ValueError(
                f"{format_value(package)} is not a package of PyPI; expected a name, such as lightgbm==4.6.0. For "
                "other sources, write a Dockerfile."
            )
        return str(package)

    return tuple(read_items(value, read))


def read_bool(value: Any) -> bool:
    """Return true or false. No other spellings are accepted."""
    if isinstance(value, bool):
        return value
    words = {"false": ("no", "off", "n", "0", "false"), "true": ("yes", "on", "y", "1", "true")}
    meant = [word for word, spellings in words.items() if str(value).lower() in spellings]
    hint = f" Write {meant[0]}{' without quotes' if value == meant[0] else ''}." if meant else ""
    raise ValueError(f"expected true or false, got {format_value(value)}.{hint}")


def read_account(value: Any) -> str:
    """Return the name of a Numerai account, which the user chooses."""
    name = read_text(value)
    if not re.fullmatch(ACCOUNT["pattern"], name):
        raise ValueError(
            f"{format_value(value)} is not a valid account name; expected at most 20 lower-case letters, digits and "
            "single hyphens, beginning with a letter. You choose the name; the settings with the account's keys end "
            "with it."
        )
    return name
