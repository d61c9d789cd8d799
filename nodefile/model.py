"""The types of a node's values (`nodefile/node.py`), and the rules for names."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from nodefile.clouds import REGIONS


class Tournament(StrEnum):
    """One of Numerai's tournaments."""

    CLASSIC = "classic"
    SIGNALS = "signals"
    CRYPTO = "crypto"

    @property
    def number(self) -> int:
        """Numerai's id of the tournament."""
        return {"classic": 8, "signals": 11, "crypto": 12}[self.value]


NODE_NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
MAX_NAME = 20
# Set on every resource. Compared in lower case, because Azure treats "Node" and "node" as the same tag.
RESERVED_TAGS: frozenset[str] = frozenset({"project", "stack", "node"})
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Size(BaseModel):
    """vCPUs and memory (MiB) of a node's container; `preset` if nodes.yaml names one."""

    model_config = ConfigDict(frozen=True)
    preset: str | None = None
    cpu: float
    memory: int

    def __str__(self) -> str:
        return self.preset or f"{self.cpu:g} vCPU / {self.memory / 1024:g} GiB"

    @property
    def cpu_units(self) -> int:
        """CPU units: 1024 for each vCPU."""
        return round(self.cpu * 1024)


class Schedule(BaseModel):
    """When a node runs in addition to its webhook: five cron fields in a time zone (IANA name)."""

    model_config = ConfigDict(frozen=True)
    cron: str
    timezone: str

    def __str__(self) -> str:
        return f"{self.cron} {self.timezone}"


class Watch(BaseModel):
    """How a node's rounds are watched: the seconds after a round's opening until the first start, and the repeats."""

    model_config = ConfigDict(frozen=True)
    enabled: bool = True
    after: int = 900
    retries: int = 2

    def __str__(self) -> str:
        return f"{{after: {self.after / 60:g}m, retries: {self.retries}}}" if self.enabled else "false"


class Rescue(BaseModel):
    """Where a node is kept a second time, and the seconds after a round's opening until it runs there."""

    model_config = ConfigDict(frozen=True)
    cloud: str
    region: str = Field(default_factory=lambda rescue: REGIONS[rescue["cloud"]])
    size: Size | None = None
    """None for the node's own size."""
    after: int = 1800

    def __str__(self) -> str:
        size = f", size: {self.size}" if self.size else ""
        return f"{{cloud: {self.cloud}, region: {self.region}{size}, after: {self.after / 60:g}m}}"


class Alerts(BaseModel):
    """Where alerts of a node go: an e-mail address, and the names of the stack's secrets with the other addresses."""

    model_config = ConfigDict(frozen=True)
    webhook: str | None = None
    email: str | None = None
    heartbeat: str | None = None

    @property
    def channels(self) -> bool:
        """Whether messages are sent; a heartbeat alone sends none."""
        return bool(self.webhook or self.email)

    def __str__(self) -> str:
        parts = [f"{name}: {value}" for name, value in self if value]
        return f"{{{', '.join(parts)}}}" if parts else "false"


class Build(BaseModel):
    """Where a node's image is built: in the node's cloud, or with Docker on the machine that runs `pulumi up`."""

    model_config = ConfigDict(frozen=True)
    docker: bool = False

    def __str__(self) -> str:
        return f"{{docker: {str(self.docker).lower()}}}"


def is_uuid(text: str) -> bool:
    """Whether a string is a UUID in its usual form of 36 characters."""
    return _UUID.fullmatch(text) is not None
