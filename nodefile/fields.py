"""Readers that check each kind of value in nodes.yaml and turn it from parsed YAML into a field of `Node`. The names in
capitals are JSON Schemas of values that nodes.yaml writes differently from `Node`.

A reader raises ValueError with a sentence. It raises `Mistakes` for several mistakes inside one value, each with its
place, and `NotText` for a number or true/false instead of a string: the caller then quotes the file's own spelling
(3.10, not 3.1) in its advice.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from nodefile import cron, durations, secret_values, sizes, variables
from nodefile.clouds import REGIONS
from nodefile.model import RESERVED_TAGS, Alerts, Build, Rescue, Schedule, Size, Tournament, Watch, is_uuid
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
WATCH = {
    "anyOf": [
        {"type": "boolean"},
        {
            "type": "object",
            "properties": {
                "after": {"type": "string", "default": "15m"},
                "retries": {"type": "integer", "minimum": 0, "maximum": 5, "default": 2},
            },
            "additionalProperties": False,
        },
    ]
}
RESCUE = {
    "anyOf": [
        {"enum": [False]},
        {
            "type": "object",
            "properties": {
                "cloud": CLOUD,
                "region": TEXT,
                "size": SIZE,
                "after": {"type": "string", "default": "30m"},
            },
            "required": ["cloud"],
            "additionalProperties": False,
        },
    ]
}
MAX_RETRIES = 5
SECRET_NAME = {"type": "string", "pattern": r"^(?=.{1,40}$)(?!numerai-)[a-z][a-z0-9]*(-[a-z0-9]+)*$"}
ALERTS = {
    "anyOf": [
        {"const": False},
        {
            "type": "object",
            "properties": {"webhook": SECRET_NAME, "email": TEXT, "heartbeat": SECRET_NAME},
            "minProperties": 1,
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
_SECRET_NAME = re.compile(r".*(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|(SECRET|ACCESS|PRIVATE)_?KEY)", re.IGNORECASE)
_READABLE = "`env` is readable in nodes.yaml, in the stack's state and in the cloud's console"
_VERSIONS = r"\s*(?:==|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+\s*"
_PACKAGE = re.compile(rf"[A-Za-z0-9][\w.-]*(?:\[[\w.,\s-]+\])?(?:{_VERSIONS}(?:,{_VERSIONS})*)?", re.ASCII)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_TAG_NAME, MAX_TAG_VALUE = 128, 256
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_NEARLY_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]+|[0-9a-f]{32}|\{[0-9a-f-]+\}", re.IGNORECASE)


@dataclass(frozen=True)
class Mistake:
    """One mistake inside a value: the key or the list index of the wrong part. `at_key`: the key itself is wrong."""

    key: str | int
    error: ValueError
    at_key: bool = False


class Mistakes(ValueError):
    """Several mistakes inside one value."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = list(mistakes)
        super().__init__(" ".join(str(mistake.error) for mistake in mistakes))


class NotText(ValueError):
    """A number or true/false instead of a string."""


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
    return Size(preset=None, **_read_parts("size", value, readers, also))


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
    return Schedule(**{"timezone": "UTC", **_read_parts("schedule", parts, readers, needed)})


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
    return Build(**_read_parts("build", value, {"docker": read_bool}, needed))


def read_watch(value: Any) -> Watch:
    """Return whether and how rounds are watched."""
    if isinstance(value, bool):
        return Watch(enabled=value)
    if not isinstance(value, dict):
        raise ValueError(f"expected true, false, or after and retries, got {format_value(value)}.")
    return Watch(**_read_parts("watch", value, {"after": durations.parse_seconds, "retries": _read_retries}, {}))


def read_rescue(value: Any) -> Rescue | None:
    """Return where a node is rescued; None for false."""
    if value is False:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"expected false, or a place such as {{cloud: gcp, after: 30m}}, got {format_value(value)}.")
    readers = {"cloud": read_cloud, "region": read_text, "size": read_size, "after": durations.parse_seconds}
    return Rescue(**_read_parts("rescue", value, readers, {"cloud": "rescue needs a cloud, such as {cloud: gcp}."}))


def read_alerts(value: Any) -> Alerts:
    """Return where alerts go; false means nowhere."""
    if value is False:
        return Alerts()
    if not isinstance(value, dict) or not value:
        raise ValueError(f"expected webhook, email or heartbeat, or false, got {format_value(value)}.")
    readers = {"webhook": _read_secret_name, "email": _read_email, "heartbeat": _read_secret_name}
    return Alerts(**_read_parts("alerts", value, readers, {}))


def _read_secret_name(value: Any) -> str:
    name = read_text(value)
    if "://" in name:  # not repeated, since it may hold a token
        raise ValueError(
            "expected the name of a secret, got an address. Put the address into the stack's configuration, such as "
            "`pulumi config set --secret alert-webhook https://...`, and write alert-webhook here. An address that was "
            "in a file under version control should be replaced."
        )
    if not re.fullmatch(SECRET_NAME["pattern"], name):
        raise ValueError(
            f"{format_value(name)} cannot name a secret with an address; expected at most 40 lower-case letters, "
            "digits and single hyphens, such as alert-webhook, not beginning with numerai-."
        )
    return name


def _read_email(value: Any) -> str:
    address = read_text(value)
    if not _EMAIL.fullmatch(address) or len(address) > 254:
        raise ValueError(f"expected an e-mail address such as me@example.com, got {format_value(address)}.")
    return address


def _read_retries(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_RETRIES:
        raise ValueError(f"expected a whole number from 0 to {MAX_RETRIES}, got {format_value(value)}.")
    return value


def _read_parts(
    name: str, value: dict[str, Any], readers: Mapping[str, Callable[[Any], Any]], needed: Mapping[str, str]
) -> dict[str, Any]:
    """Read a mapping with these keys. `needed`: the message for each key that must not be missing."""
    mistakes = [
        _at_key(
            key, f'{name} has no key "{key}"; expected {join_words(list(readers), "and")}.{did_you_mean(key, readers)}'
        )
        for key in value
        if key not in readers
    ]
    for message in [message for key, message in needed.items() if key not in value and not mistakes]:
        raise ValueError(message)
    parts = {key: _read_part(mistakes, value, key, read) for key, read in readers.items() if key in value}
    if mistakes:
        raise Mistakes(mistakes)
    return parts


def _at_key(key: str, message: str) -> Mistake:
    return Mistake(key, ValueError(message), at_key=True)


def _read_part(mistakes: list[Mistake], value: Any, key: str | int, read: Callable[[Any], Any]) -> Any:
    """Read one part of a mapping or list. If it is wrong, append to `mistakes` and return None."""
    try:
        return read(value[key])
    except ValueError as error:
        mistakes.append(Mistake(key, error))
        return None


def read_items(values: Sequence[Any], read: Callable[[Any], Any]) -> list[Any]:
    """Read each item of a list."""
    mistakes: list[Mistake] = []
    items = [_read_part(mistakes, values, index, read) for index in range(len(values))]
    if mistakes:
        raise Mistakes(mistakes)
    return items


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

    mistakes: list[Mistake] = []
    packages = [_read_part(mistakes, value, index, read) for index in range(len(value))]
    if mistakes:
        raise Mistakes(mistakes)
    return tuple(packages)


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
    mistakes = [_at_key(name, message) for name in value if (message := check(name)) is not None]
    texts = {name: _read_part(mistakes, value, name, read) for name in value}
    if mistakes:
        raise Mistakes(mistakes)
    return texts
