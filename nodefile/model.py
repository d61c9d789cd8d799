"""What a node is: the entry as the file may hold it (`Entry`), and the node with everything resolved (`Node`).

Every key of the file is a field of `Entry` with its description, from which `nodes.schema.json` is made. A key that is
not here is a mistake in the file.
"""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from nodefile import cron, durations, sizes
from nodefile.problems import did_you_mean


class Cloud(StrEnum):
    """Where a node runs."""

    AWS = "aws"
    GCP = "gcp"
    AZURE = "azure"


class Tournament(StrEnum):
    """Which of Numerai's tournaments a model takes part in."""

    CLASSIC = "classic"
    SIGNALS = "signals"
    CRYPTO = "crypto"

    @property
    def number(self) -> int:
        """Numerai's id of the tournament."""
        return {"classic": 8, "signals": 11, "crypto": 12}[self.value]


REGIONS = {Cloud.AWS: "us-east-1", Cloud.GCP: "us-central1", Cloud.AZURE: "eastus"}


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


class Node(BaseModel):
    """One prediction node, defaults merged and paths absolute."""

    model_config = ConfigDict(frozen=True)
    name: str
    model: str
    tournament: Tournament
    cloud: Cloud
    region: str
    size: Size
    source: Path
    context: Path
    timeout: int
    disk: int | None
    schedule: Schedule | None
    env: dict[str, str]
    command: tuple[str, ...] | None
    tags: dict[str, str]
    enabled: bool

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
    try:
        return len(text) == 36 and bool(UUID(text))
    except ValueError:
        return False


def _text(value: Any) -> str:
    if not isinstance(value, str):
        shown = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else value
        if isinstance(value, dict | list):
            raise ValueError(f"expected a text, got a {'mapping' if isinstance(value, dict) else 'list'}.")
        raise ValueError(f'expected a text, got {shown}. Write it in quotes: "{shown}".')
    if not value.strip():
        raise ValueError("expected a text, got an empty one.")
    return value


def _any_text(value: Any) -> str:
    return value if value == "" else _text(value)


def _choice(options: type[StrEnum]) -> BeforeValidator:
    def check(value: Any) -> Any:
        known = [option.value for option in options]
        if value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}, got {value!r}.{hint}")
        return options(value)

    return BeforeValidator(check)


def _size(value: Any) -> Size:
    if isinstance(value, str):
        cpu_units, memory = sizes.PRESETS[sizes.preset(value)]
        return Size(preset=value, cpu=cpu_units / 1024, memory=memory)
    if not isinstance(value, dict):
        raise ValueError(f'expected a preset such as "gen-md", or cpu and memory, got {value!r}.')
    for key in value.keys() - {"cpu", "memory"}:
        raise ValueError(f'size has no "{key}"; it has cpu and memory.{did_you_mean(key, ("cpu", "memory"))}')
    for key in ("cpu", "memory"):
        if key not in value:
            raise ValueError(f"size needs {key} too, such as {{cpu: 2, memory: 8GiB}}.")
    return Size(preset=None, cpu=sizes.vcpus(value["cpu"]), memory=sizes.mebibytes(value["memory"]))


def _schedule(value: Any) -> Schedule:
    if isinstance(value, str):
        value = {"cron": value}
    if not isinstance(value, dict):
        raise ValueError(f'expected a cron line such as "0 14 * * 2-6", or cron and timezone, got {value!r}.')
    for key in value.keys() - {"cron", "timezone"}:
        hint = did_you_mean(key, ("cron", "timezone"))
        raise ValueError(f'schedule has no "{key}"; it has cron and timezone.{hint}')
    line, zone = value.get("cron"), value.get("timezone", "UTC")
    if not isinstance(line, str):
        raise ValueError('schedule needs a cron line, such as {cron: "0 14 * * 2-6", timezone: UTC}.')
    if not isinstance(zone, str) or zone not in available_timezones():
        by_lower = {name.lower(): name for name in available_timezones()}
        hint = did_you_mean(zone, by_lower) if isinstance(zone, str) else ""
        for lower, name in by_lower.items():
            hint = hint.replace(f'"{lower}"', f'"{name}"')
        raise ValueError(f'there is no time zone "{zone}"; expected a name such as Europe/Berlin.{hint}')
    return Schedule(cron=cron.read(line).text, timezone=zone)


def _command(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise ValueError(f"the command's quotes do not match ({error}).") from None
    elif isinstance(value, list):
        words = [_any_text(word) for word in value]
    else:
        raise ValueError(f'expected a command such as "python predict.py", or a list of words, got {value!r}.')
    if not words:
        raise ValueError("expected a command, got an empty one.")
    return tuple(words)


def _enabled(value: Any) -> bool:
    if not isinstance(value, bool):
        hint = {"no": " Write false.", "off": " Write false.", "yes": " Write true.", "on": " Write true."}
        raise ValueError(f"expected true or false, got {value!r}.{hint.get(str(value).lower(), '')}")
    return value


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"expected names and their values, such as {{NAME: value}}, got {value!r}.")
    return value


Text = Annotated[str, BeforeValidator(_text)]
AnyText = Annotated[str, BeforeValidator(_any_text)]
_amount = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?\s*(GiB|MiB)$"}
_size_schema = {
    "anyOf": [
        {"enum": list(sizes.PRESETS)},
        {
            "type": "object",
            "properties": {"cpu": {"type": "number", "exclusiveMinimum": 0}, "memory": _amount},
            "required": ["cpu", "memory"],
            "additionalProperties": False,
        },
    ]
}
_schedule_schema = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"cron": {"type": "string"}, "timezone": {"type": "string", "default": "UTC"}},
            "required": ["cron"],
            "additionalProperties": False,
        },
    ]
}
_command_schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


class Entry(BaseModel):
    """What `defaults` and each node of nodes.yaml may hold; what is absent is None."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[Text | None, Field(description="The model's name or UUID at Numerai.")] = None
    tournament: Annotated[
        Annotated[Tournament, _choice(Tournament)] | None,
        Field(description="The tournament that the model takes part in.", json_schema_extra={"default": "classic"}),
    ] = None
    cloud: Annotated[Annotated[Cloud, _choice(Cloud)] | None, Field(description="Where the node runs.")] = None
    region: Annotated[
        Text | None,
        Field(description="The cloud's own name of a region; by default us-east-1, us-central1 or eastus."),
    ] = None
    size: Annotated[
        Annotated[Size, BeforeValidator(_size), WithJsonSchema(_size_schema)] | None,
        Field(description="A preset (gen-sm is 1 vCPU and 4 GiB), or cpu (vCPUs) and memory."),
    ] = None
    source: Annotated[Text | None, Field(description="The folder that holds the model's Dockerfile.")] = None
    context: Annotated[
        Text | None,
        Field(description="The build context, by default the source; a parent folder lets models share a package."),
    ] = None
    timeout: Annotated[
        Annotated[int, BeforeValidator(durations.seconds), WithJsonSchema({"type": "string"})] | None,
        Field(description='How long a job may run, such as "90m" or "2h"; by default an hour.'),
    ] = None
    disk: Annotated[
        Annotated[int, BeforeValidator(lambda value: sizes.mebibytes(value, True) // 1024), WithJsonSchema(_amount)]
        | None,
        Field(description='Disk of the job, such as "50GiB"; by default what the cloud gives.'),
    ] = None
    schedule: Annotated[
        Annotated[Schedule, BeforeValidator(_schedule), WithJsonSchema(_schedule_schema)] | None,
        Field(description="A cron line of five fields beside the webhook, in UTC or in a time zone."),
    ] = None
    env: Annotated[
        Annotated[dict[str, AnyText], BeforeValidator(_mapping)] | None,
        Field(description="Variables for the container, beside those that every node gets."),
    ] = None
    command: Annotated[
        Annotated[tuple[str, ...], BeforeValidator(_command), WithJsonSchema(_command_schema)] | None,
        Field(description="Run instead of the image's command."),
    ] = None
    tags: Annotated[
        Annotated[dict[str, AnyText], BeforeValidator(_mapping)] | None,
        Field(description="Tags or labels on everything that belongs to the node."),
    ] = None
    enabled: Annotated[
        Annotated[bool, BeforeValidator(_enabled)] | None,
        Field(description="false keeps the node and its URL but starts nothing.", json_schema_extra={"default": True}),
    ] = None


class File(BaseModel):
    """Prediction nodes of Numerai models on AWS, GCP and Azure; `pulumi up` makes the clouds follow this file."""

    model_config = ConfigDict(extra="forbid")
    defaults: Annotated[Entry | None, Field(description="What holds for every node that does not say otherwise.")] = (
        None
    )
    nodes: Annotated[dict[str, Entry], Field(description="The nodes by name.")]


NODE_NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
MAX_NAME = 20
RESERVED_ENV: frozenset[str] = frozenset(
    {"TRIGGER_ID", "MODEL_ID", "ROUND_NUMBER", "IS_TEST", "DATA_VERSION", "RUN_ID", "NODE_NAME", "TOURNAMENT"}
)
Level = Literal["defaults", "node"]
