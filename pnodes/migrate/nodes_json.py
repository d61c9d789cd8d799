"""numerai-cli's `nodes.json` as typed values, from all of its versions since 0.3: fields may be absent, and numbers may
be texts (`--timeout-minutes 90` is kept as "90"). Everything that is wrong with the file is said at once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

from nodefile.problems import did_you_mean, escape_unprintable, format_value
from providers.cloud import NumeraiCli
from providers.clouds import find_cloud, list_clouds

# What it notes about things that it made, which mean nothing here.
_ITS_OWN = frozenset(
    {
        "acr_login_server", "artifact_registry_login_url", "cluster_arn", "cluster_log_group", "job_id", "registry_id",
        "registry_name", "registry_rg_name", "resource_group_name", "webhook_log_group", "webhook_storage_account_name",
    }
)  # fmt: skip

DEFAULT_PROVIDER = "aws"
"""The cloud of a node whose `provider` is absent."""
_WINDOWS = re.compile(r"([A-Za-z]):[\\/]|\\\\")

Read = TypeVar("Read")


class WrongFile(Exception):
    """The file cannot be read as numerai-cli's; `sentences` are all that is wrong with it."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class OldNode:
    """One node as numerai-cli has it; None where the file does not say. `cpu` counts 1024 for a vCPU, `memory` is in
    MiB and `volume` in GiB; `unknown` are fields that no version of numerai-cli writes."""

    name: str
    provider: str
    path: Path
    model_id: str | None = None
    tournament: int | None = None
    cpu: int | None = None
    memory: int | None = None
    cron: str | None = None
    timeout_minutes: int | None = None
    volume: int | None = None
    webhook_url: str | None = None
    docker_repo: str | None = None
    unknown: tuple[str, ...] = ()

    @property
    def numerai_cli(self) -> NumeraiCli:
        """What numerai-cli does on this node's cloud."""
        facts = find_cloud(self.provider).numerai_cli
        assert facts is not None, self.provider
        return facts


def read(file: Path, skip: Collection[str] = ()) -> list[OldNode]:
    """The nodes of a file but for those to skip. Raises WrongFile."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WrongFile(
            f"There is no {file}. numerai-cli keeps its nodes in ~/.numerai/nodes.json: give the file that you mean."
        ) from None
    except UnicodeDecodeError:
        raise WrongFile(f"{file} is not UTF-8 text; expected numerai-cli's nodes.json.") from None
    except OSError as error:
        raise WrongFile(f"{file} cannot be read: {error.strerror}.") from None
    try:
        found = json.loads(text) if text.strip() else {}
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise WrongFile(f"{file} is not JSON{where}; expected numerai-cli's nodes.json.") from None
    if not isinstance(found, dict):
        raise WrongFile(f"{file}: expected one JSON object with a node under each name, got {format_value(found)}.")
    unknown = sorted(set(skip) - found.keys())
    wrong = [f"--skip {name}: there is no such node.{did_you_mean(name, found)}" for name in unknown]
    kept = {name: fields for name, fields in found.items() if name not in skip}
    nodes = [node for name, fields in kept.items() if (node := _node(name, fields, wrong)) is not None]
    if wrong:
        raise WrongFile(*(escape_unprintable(f"{file.name}: {sentence}") for sentence in wrong))
    if not nodes:
        raise WrongFile(f"{file} has no nodes, so there is nothing to import.")
    return nodes


def _node(name: str, fields: Any, wrong: list[str]) -> OldNode | None:
    if not isinstance(fields, dict):
        wrong.append(
            f"node {name}: expected its settings, got {format_value(fields)}. Remove it, or leave it out with --skip."
        )
        return None
    read = _Fields(name, fields, wrong)
    provider = read.get("provider", _provider) or DEFAULT_PROVIDER
    path = read.get("path", _path)
    if path is None and not fields.get("path"):
        wrong.append(f"node {name}: it has no path, the folder with its Dockerfile.")
    if path is None:
        return None
    return OldNode(
        name=name,
        provider=provider,
        path=path,
        model_id=read.get("model_id", _text),
        tournament=read.get("tournament", _whole),
        cpu=read.get("cpu", _whole),
        memory=read.get("memory", _whole),
        cron=read.get("cron", _text),
        timeout_minutes=read.get("timeout_minutes", _whole),
        volume=read.get("volume", _whole),
        webhook_url=read.get("webhook_url", _text),
        docker_repo=read.get("docker_repo", _text),
        unknown=tuple(sorted(fields.keys() - _ITS_OWN - OldNode.__dataclass_fields__.keys())),
    )


class _Fields:
    """The fields of one node; what is wrong with one goes to the list."""

    def __init__(self, name: str, fields: dict[str, Any], wrong: list[str]) -> None:
        self._name, self._fields, self._wrong = name, fields, wrong

    def get(self, field: str, read: Callable[[Any], Read]) -> Read | None:
        """A field; None when it is absent, null, empty or zero, or wrong."""
        value = self._fields.get(field)
        if value in (None, "", 0):
            return None
        try:
            return read(value)
        except ValueError as error:
            self._wrong.append(f"node {self._name}: {field}: {error}")
            return None


def _provider(value: Any) -> str:
    known = [cloud.name for cloud in list_clouds() if cloud.numerai_cli]
    if not isinstance(value, str) or value not in known:
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, got {format_value(value)}.{hint}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a text, got {format_value(value)}.")
    return value.strip()


def _path(value: Any) -> Path:
    text = _text(value)
    drive = _WINDOWS.match(text)
    if drive and os.name != "nt":
        there = PurePosixPath("/mnt", drive[1].lower(), *PureWindowsPath(text).parts[1:]) if drive[1] else None
        hint = f" (in WSL perhaps {there})" if there else ""
        raise ValueError(f"{text} is a path of Windows. Write where that folder is on this machine{hint}.")
    return Path(text).expanduser().absolute()


def _whole(value: Any) -> int:
    """A number above zero, also one that is written as a text."""
    number = float(value) if isinstance(value, str) and value.strip().replace(".", "", 1).isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int | float) or number <= 0 or number != int(number):
        raise ValueError(f"expected a whole number above zero, got {format_value(value)}.")
    return int(number)
