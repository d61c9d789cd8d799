"""A node of numerai-cli's as an entry of nodes.yaml: the same model, cloud, region, size, folder, schedule, time-out,
and a sentence for everything that is different here."""

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
# Its names begin with the tournament's name at Numerai, whose first one was called numerai.
_PREFIXES = {"numerai": Tournament.CLASSIC, "classic": Tournament.CLASSIC, "signals": Tournament.SIGNALS,
             "crypto": Tournament.CRYPTO}  # fmt: skip


class NoModel(Exception):
    """The file does not say which model a node is for; the text is a sentence."""


@dataclass(frozen=True)
class NewNode:
    """An entry of nodes.yaml, and what is different from before (sentences without a full stop)."""

    name: str
    old: OldNode
    entry: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def project(self) -> str | None:
        """The cloud's project that it was in, where the cloud has projects."""
        found = _match_repository(self.old)
        return found[2] if found and found.re.groups > 1 else None


def translated(old: OldNode, base: Path, taken: Collection[str], defaults: Mapping[str, Any]) -> NewNode:
    """One node, for a nodes.yaml in the folder `base` with these `defaults`. `taken`: names that are in use. Its folder
    holds a Dockerfile. Raises NoModel."""
    notes: list[str] = []
    name = _name(old.name, taken)
    if name != old.name:
        notes.append(f"it is called {name} here: names are lower-case, without _, and of at most {MAX_NAME} characters")
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
    if not old.numerai_cli.stops_jobs:
        title = find_cloud(old.provider).title
        notes.append(f"numerai-cli stops no job on {title}; here it is stopped after {minutes} minutes (`timeout`)")
    entry |= _disk(old, notes)
    entry |= _schedule(old, notes)
    entry["register"] = False
    notes += _not_taken(old, entry, defaults)
    return NewNode(name, old, entry, tuple(notes))


def _name(old: str, taken: Collection[str]) -> str:
    """A node's name as it may be here, unlike the ones in use."""
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
            f"node {old.name}: it has no model_id. Write the model's UUID there, or leave it out with --skip."
        )
    model = old.name[len(prefix) + 1 :]
    notes.append(f"the file has no model_id, so it runs the model with the name {model}, from its own name")
    return model


def _tournament(old: OldNode, notes: list[str]) -> Tournament:
    numbers = {kind.number: kind for kind in Tournament}
    if old.tournament in numbers:
        return numbers[old.tournament]
    if prefix := _prefix(old.name):
        return _PREFIXES[prefix]
    notes.append(
        "`tournament`: the file does not say which one, and neither does its name: classic, unless you know better"
    )
    return Tournament.CLASSIC


def _region(old: OldNode) -> str:
    found = _match_repository(old)
    return found[1] if found else old.numerai_cli.region


def _match_repository(old: OldNode) -> re.Match[str] | None:
    pattern = old.numerai_cli.repository
    return pattern.match(old.docker_repo or "") if pattern else None


def _size(old: OldNode, notes: list[str]) -> str | dict[str, str | float]:
    usual = PRESETS[old.numerai_cli.size]
    if not old.cpu or not old.memory:
        notes.append(f"`size`: the file does not say it in full; numerai-cli's own is {old.numerai_cli.size}")
    cpu, memory = old.cpu or usual[0], old.memory or usual[1]
    preset = next((name for name, size in PRESETS.items() if size == (cpu, memory)), None)
    if preset:
        return preset
    return {"cpu": cpu / 1024, "memory": f"{memory / 1024:g}GiB" if memory % 1024 == 0 else f"{memory}MiB"}


def _folders(old: OldNode, base: Path, defaults: Mapping[str, Any], notes: list[str]) -> dict[str, str]:
    built = dockerfile.build(old.path)
    found = {"source": _path(old.path, base)}
    if built.context != old.path or "context" in defaults:
        found["context"] = _path(built.context, base)
    if Path(found["source"]).is_absolute():
        notes.append(
            f"`source`: {old.path} is not in {base.name}/, so nobody but you has it; move it there when you share this"
        )
    notes += built.notes
    return found


def _path(folder: Path, base: Path) -> str:
    """Relative to the file for what lies in its folder."""
    real, around = folder.resolve(), base.resolve()
    return real.relative_to(around).as_posix() if real.is_relative_to(around) else str(folder)


def _disk(old: OldNode, notes: list[str]) -> dict[str, str]:
    if old.volume is None:
        return {}
    included, title = old.numerai_cli.included_disk, find_cloud(old.provider).title
    if included is None:
        notes.append(f"`volume` ({old.volume} GiB) meant nothing on {old.provider}, and is left out")
        return {}
    if old.volume <= included:
        notes.append(f"`volume` ({old.volume} GiB) is left out: every job on {title} has {included} GiB of disk")
        return {}
    notes.append(
        f"`disk`: the {old.volume} GiB are this node's own here; before, all nodes on {title} had the largest volume "
        "of any"
    )
    return {"disk": f"{old.volume}GiB"}


def _schedule(old: OldNode, notes: list[str]) -> dict[str, str]:
    if old.cron is None:
        return {}
    try:
        found = cron.translated(old.cron, old.numerai_cli.cron)
    except cron.Untranslatable as reason:
        notes.append(
            f"NO SCHEDULE: {old.cron!r} cannot be a cron line of five fields: {reason}. Until you write one this node "
            "runs only when Numerai calls it"
        )
        return {}
    notes.append(f"`schedule`: {old.cron!r} is {found.line!r} in five fields, in UTC as before")
    notes.extend(found.notes)
    if old.numerai_cli.cron is CronForm.UNUSED:
        title = find_cloud(old.provider).title
        notes.append(f"numerai-cli has no schedules on {title}, so this line never ran; here it does")
    else:
        notes.append("old and new node both run by it until the old one is gone; Numerai counts the newest submission")
    notes.append(
        "a node with a schedule had no webhook at Numerai, unless you used --register-webhook; without "
        "`register: false` it has both"
    )
    return {"schedule": found.line}


def _not_taken(old: OldNode, entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    if old.unknown:
        yield f"{', '.join(old.unknown)}: numerai-cli does not know this either; it is left out"
    inherited = [key for key in sorted(KEYS) if defaults.get(key) is not None and key not in entry]
    if inherited:
        yield f"it takes {', '.join(inherited)} from `defaults` of nodes.yaml, as every node does"
