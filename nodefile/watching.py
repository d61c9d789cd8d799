"""Reads the keys that keep rounds from being missed: watch, rescue and alerts."""

from __future__ import annotations

import re
from typing import Any

from nodefile import durations
from nodefile.fields import CLOUD, SIZE, TEXT, read_cloud, read_size, read_text
from nodefile.mistakes import read_parts
from nodefile.model import Alerts, Rescue, Watch
from nodefile.problems import format_value

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
MAX_RETRIES = 5
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def read_watch(value: Any) -> Watch:
    """Return whether and how rounds are watched."""
    if isinstance(value, bool):
        return Watch(enabled=value)
    if not isinstance(value, dict):
        raise ValueError(f"expected true, false, or after and retries, got {format_value(value)}.")
    return Watch(**read_parts("watch", value, {"after": durations.parse_seconds, "retries": _read_retries}, {}))


def read_rescue(value: Any) -> Rescue | None:
    """Return where a node is rescued; None for false."""
    if value is False:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"expected false, or a place such as {{cloud: gcp, after: 30m}}, got {format_value(value)}.")
    readers = {"cloud": read_cloud, "region": read_text, "size": read_size, "after": durations.parse_seconds}
    return Rescue(**read_parts("rescue", value, readers, {"cloud": "rescue needs a cloud, such as {cloud: gcp}."}))


def read_alerts(value: Any) -> Alerts:
    """Return where alerts go; false means nowhere."""
    if value is False:
        return Alerts()
    if not isinstance(value, dict) or not value:
        raise ValueError(f"expected webhook, email or heartbeat, or false, got {format_value(value)}.")
    readers = {"webhook": _read_secret_name, "email": _read_email, "heartbeat": _read_secret_name}
    return Alerts(**read_parts("alerts", value, readers, {}))


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
