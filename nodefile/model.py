"""What a node is once everything about it is resolved: defaults merged, sizes and times as numbers, paths absolute."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Tournament(StrEnum):
    """Which of Numerai's tournaments a model takes part in."""

    CLASSIC = "classic"
    SIGNALS = "signals"
    CRYPTO = "crypto"

    @property
    def number(self) -> int:
        """Numerai's id of the tournament."""
        return {"classic": 8, "signals": 11, "crypto": 12}[self.value]


NODE_NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
MAX_NAME = 20
ACCOUNT = r"^(?=.{1,20}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$"
# What every resource carries; on Azure, which does not tell capitals apart, "Node" would be the same tag.
RESERVED_TAGS: frozenset[str] = frozenset({"project", "stack", "node"})
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Size(BaseModel):
    """vCPUs and memory (MiB) of a node's container; `preset` when it was named by one."""

    model_config = ConfigDict(frozen=True)
    preset: str | None
    cpu: float
    memory: int

    @property
    def cpu_units(self) -> int:
        """1024 for each vCPU."""
        return round(self.cpu * 1024)


class Schedule(BaseModel):
    """When a node runs beside its webhook: five cron fields in a time zone (IANA name)."""

    model_config = ConfigDict(frozen=True)
    cron: str
    timezone: str


class Build(BaseModel):
    """Where a node's image is built: in its own cloud, or with Docker on the machine that runs `pulumi up`."""

    model_config = ConfigDict(frozen=True)
    docker: bool = False


class Node(BaseModel):
    """One prediction node, defaults merged and paths absolute."""

    model_config = ConfigDict(frozen=True)
    name: str
    model: str
    tournament: Tournament
    cloud: str
    region: str
    size: Size
    source: Path
    context: Path
    build: Build = Build()
    timeout: int
    disk: int | None
    schedule: Schedule | None
    env: dict[str, str]
    command: tuple[str, ...] | None
    tags: dict[str, str]
    enabled: bool
    register_webhook: bool = True
    account: str | None = None

    @property
    def dockerfile(self) -> Path:
        """The Dockerfile in the source folder."""
        return self.source / "Dockerfile"

    @property
    def model_is_id(self) -> bool:
        """Whether `model` is a UUID and needs no look-up."""
        return is_uuid(self.model)


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID in its usual form of 36 characters."""
    return _UUID.fullmatch(text) is not None
