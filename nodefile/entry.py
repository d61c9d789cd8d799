"""What nodes.yaml may hold: every key is a field here, with the description from which `nodes.schema.json` is made.

A key that is not here is a mistake in the file. `nodefile/fields.py` reads the values.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from nodefile import durations, fields, sizes
from nodefile.clouds import REGIONS
from nodefile.model import ACCOUNT, Build, Schedule, Size, Tournament

Text = Annotated[str, BeforeValidator(fields.text)]
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
_build_schema = {
    "type": "object",
    "properties": {"docker": {"type": "boolean", "default": False}},
    "required": ["docker"],
    "additionalProperties": False,
}
_cloud_schema = {"enum": list(REGIONS), "type": "string"}
_command_schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


class Entry(BaseModel):
    """What `defaults` and each node of nodes.yaml may hold; what is absent is None."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[
        Annotated[str, BeforeValidator(fields.model)] | None, Field(description="The model's name or UUID at Numerai.")
    ] = None
    tournament: Annotated[
        Annotated[Tournament, BeforeValidator(fields.tournament)] | None,
        Field(description="The tournament that the model takes part in.", json_schema_extra={"default": "classic"}),
    ] = None
    cloud: Annotated[
        Annotated[str, BeforeValidator(fields.cloud), WithJsonSchema(_cloud_schema)] | None,
        Field(description="Where the node runs."),
    ] = None
    region: Annotated[
        Text | None,
        Field(description="The cloud's own name of a region; by default us-east-1, us-central1 or eastus."),
    ] = None
    size: Annotated[
        Annotated[Size, BeforeValidator(fields.size), WithJsonSchema(_size_schema)] | None,
        Field(description="A preset (gen-sm is 1 vCPU and 4 GiB), or cpu (vCPUs) and memory."),
    ] = None
    source: Annotated[Text | None, Field(description="The folder that holds the model's Dockerfile.")] = None
    context: Annotated[
        Text | None,
        Field(description="The build context, by default the source; a parent folder lets models share a package."),
    ] = None
    build: Annotated[
        Annotated[Build, BeforeValidator(fields.build), WithJsonSchema(_build_schema)] | None,
        Field(description="docker: true builds the image with Docker on this machine instead of in the node's cloud."),
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
        Annotated[Schedule, BeforeValidator(fields.schedule), WithJsonSchema(_schedule_schema)] | None,
        Field(description="A cron line of five fields beside the webhook, in UTC or in a time zone."),
    ] = None
    env: Annotated[
        Annotated[dict[str, str], BeforeValidator(fields.env)] | None,
        Field(description="Variables for the container, beside those that every node gets."),
    ] = None
    command: Annotated[
        Annotated[tuple[str, ...], BeforeValidator(fields.command), WithJsonSchema(_command_schema)] | None,
        Field(description="Run instead of the image's command."),
    ] = None
    tags: Annotated[
        Annotated[dict[str, str], BeforeValidator(fields.tags)] | None,
        Field(description="Tags or labels on everything that belongs to the node."),
    ] = None
    enabled: Annotated[
        Annotated[bool, BeforeValidator(fields.yes_or_no)] | None,
        Field(description="false keeps the node and its URL but starts nothing.", json_schema_extra={"default": True}),
    ] = None
    register_webhook: Annotated[
        Annotated[bool, BeforeValidator(fields.yes_or_no)] | None,
        Field(
            alias="register",
            description="false leaves the model's webhook at Numerai alone.",
            json_schema_extra={"default": True},
        ),
    ] = None
    account: Annotated[
        Annotated[str, BeforeValidator(fields.account), WithJsonSchema({"type": "string", "pattern": ACCOUNT})] | None,
        Field(description="Which Numerai account's keys are used, when there are several."),
    ] = None


# The keys as the file spells them, each with its attribute (a model of pydantic's has a `register` of its own).
KEYS = {field.alias or name: name for name, field in Entry.model_fields.items()}


class File(BaseModel):
    """Prediction nodes of Numerai models on AWS, GCP and Azure; `pulumi up` makes the clouds follow this file."""

    model_config = ConfigDict(extra="forbid")
    defaults: Annotated[Entry | None, Field(description="What holds for every node that does not say otherwise.")] = (
        None
    )
    nodes: Annotated[dict[str, Entry], Field(description="The nodes by name.")]
