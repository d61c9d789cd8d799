"""Translates a node of numerai-cli to an entry of nodes.yaml with the same model, cloud, region, size, folder, schedule
and time-out, and notes every difference."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodefile import Tournament
from nodefile.model import MAX_NAME, is_uuid
from nodefile.node import KEYS
from nodefile.sizes import PRESETS
from pnodes.migrate import cron, dockerfile
from pnodes.migrate.nodes_json import OldNode
from providers.cloud import CronForm
from providers.clouds import find_cloud

_MINUTES = 60
# numerai-cli's node names begin with the tournament's name at Numerai, where the first tournament was called numerai.
_PREFIXES = {"numerai": Tournament.CLASSIC, "classic": Tournament.CLASSIC, "signals": Tournament.SIGNALS,
             "crypto": Tournament.CRYPTO}  # fmt: skip


class NoModel(Exception):
    """The file does not name a node's model; the message is a sentence."""


@dataclass(frozen=True)
class NewNode:
    """An entry of nodes.yaml, and the differences from numerai-cli (sentences without a full stop)."""

    name: str
    old: OldNode
    entry: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def project(self) -> str | None:
        """The cloud project of the old node, if its cloud has projects."""
        match = _match_repository(self.old)
        return match[2] if match and match.re.groups > 1 else None


def translate(old: OldNode, base: Path, taken: Collection[str], defaults: Mapping[str, Any]) -> NewNode:
    """Translate a node, whose folder must contain a Dockerfile, for a nodes.yaml in the folder `base` with these
    `defaults`. `taken`: names already in use. Raises NoModel."""
    notes: list[str] = []
    name = _name(old.name, taken)
    if name != old.name:
        notes.append(f"its new name is {name}: names are lower-case, have no _ and at most {MAX_NAME} characters")
    entry: dict[str, Any] = {
        "model": _model(old, notes),
        "tournament": _tournament(old, notes).value,
        "cloud": old.provider,
        "region": _region(old),
        "size": _size(old, notes),
    }
    entry |= _folders(old, base, defaults, notes)
    minutes = old.timeout_minutes or _MINUTES
    if minutes != _MINUTES or "timeout" in defaults:
        entry["timeout"] = f"{minutes}m"
    if old.timeout_minutes is None and old.numerai_cli.stops_jobs:
        notes.append(f"`timeout`: the file has none; now jobs are stopped after {minutes} minutes")
    if not old.numerai_cli.stops_jobs:
        title = find_cloud(old.provider).title
        notes.append(f"numerai-cli stops no jobs on {title}; now jobs are stopped after {minutes} minutes (`timeout`)")
    entry |= _disk(old, notes)
    entry |= _schedule(old, notes)
    entry["register"] = False
    notes += _list_other_keys(old, entry, defaults)
    return NewNode(name, old, entry, tuple(notes))


def _name(old: str, taken: Collection[str]) -> str:
    """Return a valid name that is not yet in use."""
    name = re.sub(r"[^a-z0-9]+", "-", old.lower()).strip("-")
    if len(name) > MAX_NAME and (prefix := _prefix(old)):
        name = name[len(prefix) :].strip("-") or name
    name = re.sub(r"^[0-9-]+", "", name) if re.search("[a-z]", name) else f"node-{name}"
    name = name[:MAX_NAME].strip("-")
    if len(name) < 2:
        name = f"node-{name}"
    first, number = name, 1
    while name in taken:
        number += 1
        name = f"{first[: MAX_NAME - len(str(number)) - 1].strip('-')}-{number}"
    return name


def _prefix(name: str) -> str | None:
    word = name.lower().partition("-")[0]
    return word if word in _PREFIXES and "-" in name else None


def _model(old: OldNode, notes: list[str]) -> str:
    if old.model_id:
        return old.model_id.lower() if is_uuid(old.model_id) else old.model_id
    prefix = _prefix(old.name)
    if prefix is None:
        raise NoModel(
            f"node {old.name}: it has no model_id. Add the model's UUID to the file, or skip the node with --skip."
        )
    model = old.name[len(prefix) + 1 :]
    notes.append(f"the file has no model_id, so the node runs the model {model}, as in the node's name")
    return model


def _tournament(old: OldNode, notes: list[str]) -> Tournament:
    numbers = {kind.number: kind for kind in Tournament}
    if old.tournament in numbers:
        return numbers[old.tournament]
    if prefix := _prefix(old.name):
        return _PREFIXES[prefix]
    notes.append(
        "`tournament`: neither the file nor the node's name contains it, so it is classic; correct it if that is wrong"
    )
    return Tournament.CLASSIC


def _region(old: OldNode) -> str:
    match = _match_repository(old)
    return match[1] if match else old.numerai_cli.region


def _match_repository(old: OldNode) -> re.Match[str] | None:
    pattern = old.numerai_cli.repository
    return pattern.match(old.docker_repo or "") if pattern else None


def _size(old: OldNode, notes: list[str]) -> str | dict[str, str | float]:
    default = PRESETS[old.numerai_cli.size]
    if not old.cpu or not old.memory:
        notes.append(f"`size`: the file lacks a part of it; numerai-cli's default is {old.numerai_cli.size}")
    cpu, memory = old.cpu or default[0], old.memory or default[1]
    preset = next((name for name, size in PRESETS.items() if size == (cpu, memory)), None)
    if preset:
        return preset
    return {"cpu": cpu / 1024, "memory": f"{memory / 1024:g}GiB" if memory % 1024 == 0 else f"{memory}MiB"}


def _folders(old: OldNode, base: Path, defaults: Mapping[str, Any], notes: list[str]) -> dict[str, str]:
    build = dockerfile.find_build(old.path)
    folders = {"source": _path(old.path, base)}
    if build.context != old.path or "context" in defaults:
        folders["context"] = _path(build.context, base)
    if Path(folders["source"]).is_absolute():
        notes.append(
            f"`source`: {old.path} is outside {base.name}/ and exists only on your machine; move it there to share it"
        )
    notes += build.notes
    return folders


def _path(folder: Path, base: Path) -> str:
    """Return the path relative to `base` if the folder is inside it."""
    real, root = folder.resolve(), base.resolve()
    return real.relative_to(root).as_posix() if real.is_relative_to(root) else str(folder)


def _disk(old: OldNode, notes: list[str]) -> dict[str, str]:
    if old.volume is None:
        return {}
    included, title = old.numerai_cli.included_disk, find_cloud(old.provider).title
    if included is None:
        notes.append(f"`volume` ({old.volume} GiB) is omitted: it had no effect on {old.provider}")
        return {}
    if old.volume <= included:
        notes.append(f"`volume` ({old.volume} GiB) is omitted: every job on {title} has {included} GiB of disk")
        return {}
    notes.append(
        f"`disk`: the {old.volume} GiB apply only to this node; before, the largest volume of any node applied to all "
        f"nodes on {title}"
    )
    return {"disk": f"{old.volume}GiB"}


def _schedule(old: OldNode, notes: list[str]) -> dict[str, str]:
    if old.cron is None:
        return {}
    try:
        schedule = cron.translate(old.cron, old.numerai_cli.cron)
    except cron.Untranslatable as reason:
        notes.append(
            f"NO SCHEDULE: {old.cron!r} has no equivalent in five cron fields: {reason}. Until you add a `schedule`, "
            "this node runs only when Numerai calls it"
        )
        return {}
    notes.append(f"`schedule`: {old.cron!r} is {schedule.line!r} in five fields, in UTC as before")
    notes.extend(schedule.notes)
    if old.numerai_cli.cron is CronForm.UNUSED:
        title = find_cloud(old.provider).title
        notes.append(f"numerai-cli has no schedules on {title}, so this line had no effect; now it does")
    else:
        notes.append("until the old node is destroyed, both nodes run on schedule; Numerai uses the newest submission")
    notes.append(
        "in numerai-cli a node with a schedule has no webhook at Numerai, except with --register-webhook; here it has "
        "both, except with `register: false`"
    )
    return {"schedule": schedule.line}


def _list_other_keys(old: OldNode, entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    if old.unknown:
        yield f"{', '.join(old.unknown)}: numerai-cli does not use this either; it is omitted"
    inherited = [key for key in sorted(KEYS) if defaults.get(key) is not None and key not in entry]
    if inherited:
        yield f"it inherits {', '.join(inherited)} from `defaults` of nodes.yaml, as every node does"
