"""Reads the `nodes.json` of numerai-cli, in all versions since 0.3, as typed values. Fields may be absent, and numbers
may be strings (`--timeout-minutes 90` is stored as "90"). All problems of the file are reported together."""

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

# Fields about the resources that numerai-cli created, which nodes.yaml does not need.
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
    """The file is not a valid file of numerai-cli; `sentences` are all of its problems."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class OldNode:
    """One node of numerai-cli; None for an absent field. `cpu` is in units of 1/1024 vCPU, `memory` in MiB and `volume`
    in GiB; `unknown` are fields that no version of numerai-cli writes."""

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
        """Facts about numerai-cli on this node's cloud."""
        facts = find_cloud(self.provider).numerai_cli
        assert facts is not None, self.provider
        return facts


def read_text(file: Path, missing: str, expected: str) -> str:
    """Return the text of a file of numerai-cli. Raises WrongFile: `missing` if there is no file."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WrongFile(missing) from None
    except UnicodeDecodeError:
        raise WrongFile(f"{file} is not UTF-8 text; expected {expected}.") from None
    except OSError as error:
        raise WrongFile(f"{file} cannot be read: {error.strerror}.") from None


def read(file: Path, skip: Collection[str] = ()) -> list[OldNode]:
    """Return the nodes of a file, except those to skip. Raises WrongFile."""
    if file.parent.is_file():
        raise WrongFile(
            f"{file.parent} is a file of numerai-cli 0.1 and 0.2, which have no list of nodes: add the node to "
            "nodes.yaml by hand, with the model's folder as `source`."
        )
    missing = f"There is no {file}. numerai-cli stores its nodes in ~/.numerai/nodes.json; give the path of your file."
    text = read_text(file, missing, "numerai-cli's nodes.json")
    try:
        document = json.loads(text) if text.strip() else {}
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise WrongFile(f"{file} is not JSON{where}; expected numerai-cli's nodes.json.") from None
    if not isinstance(document, dict):
        raise WrongFile(f"{file}: expected a JSON object that maps names to nodes, got {format_value(document)}.")
    unknown = sorted(set(skip) - document.keys())
    problems = [f"--skip {name}: there is no such node.{did_you_mean(name, document)}" for name in unknown]
    kept = {name: fields for name, fields in document.items() if name not in skip}
    nodes = [node for name, fields in kept.items() if (node := _read_node(name, fields, problems)) is not None]
    if problems:
        raise WrongFile(*(escape_unprintable(f"{file.name}: {sentence}") for sentence in problems))
    if not nodes:
        raise WrongFile(f"{file} has no nodes, so there is nothing to import.")
    return nodes


def _read_node(name: str, fields: Any, problems: list[str]) -> OldNode | None:
    if not isinstance(fields, dict):
        message = f"expected its settings, got {format_value(fields)}. Remove it, or skip it with --skip."
        problems.append(f"node {name}: {message}")
        return None

    def read(field: str, parse: Callable[[Any], Read]) -> Read | None:
        """Return a field; None if it is absent, null, empty, zero or invalid."""
        value = fields.get(field)
        try:
            return None if value in (None, "", 0) else parse(value)
        except ValueError as error:
            problems.append(f"node {name}: {field}: {error}")
            return None

    provider = read("provider", _provider) or DEFAULT_PROVIDER
    path = read("path", _path)
    if path is None and not fields.get("path"):
        problems.append(f"node {name}: it has no path, the folder with its Dockerfile.")
    if path is None:
        return None
    return OldNode(
        name=name,
        provider=provider,
        path=path,
        model_id=read("model_id", _text),
        tournament=read("tournament", _whole),
        cpu=read("cpu", _whole),
        memory=read("memory", _whole),
        cron=read("cron", _text),
        timeout_minutes=read("timeout_minutes", _whole),
        volume=read("volume", _whole),
        webhook_url=read("webhook_url", _text),
        docker_repo=read("docker_repo", _text),
        unknown=tuple(sorted(fields.keys() - _ITS_OWN - OldNode.__dataclass_fields__.keys())),
    )


def _provider(value: Any) -> str:
    names = [cloud.name for cloud in list_clouds() if cloud.numerai_cli]
    if not isinstance(value, str) or value not in names:
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        raise ValueError(f"expected {', '.join(names[:-1])} or {names[-1]}, got {format_value(value)}.{hint}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {format_value(value)}.")
    return value.strip()


def _path(value: Any) -> Path:
    text = _text(value)
    drive = _WINDOWS.match(text)
    if drive and os.name != "nt":
        mounted = PurePosixPath("/mnt", drive[1].lower(), *PureWindowsPath(text).parts[1:]) if drive[1] else None
        hint = f" (in WSL perhaps {mounted})" if mounted else ""
        raise ValueError(f"{text} is a Windows path. Replace it by the folder's path on this machine{hint}.")
    return Path(text).expanduser().absolute()


def _whole(value: Any) -> int:
    """Return a whole number above zero, which may be given as a string."""
    number = float(value) if isinstance(value, str) and value.strip().replace(".", "", 1).isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int | float) or number <= 0 or number != int(number):
        raise ValueError(f"expected a whole number above zero, got {format_value(value)}.")
    return int(number)
