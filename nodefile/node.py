"""A node with everything about it resolved, and the only place where a key of nodes.yaml is declared.

Each field but `name` is a key: its type and default are the field's, the rest is in its `Key`. The parser, the JSON
Schema, docs/nodes-yaml.md, the stack's output `settings` and `pnodes diff` all read these declarations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from nodefile import durations, fields, sizes
from nodefile.clouds import REGIONS
from nodefile.keys import Inherit, Key
from nodefile.model import RESERVED_TAGS, Build, Schedule, Size, Tournament, is_uuid
from nodefile.problems import listed
from nodefile.variables import RESERVED


class Node(BaseModel):
    """One prediction node: defaults merged, sizes and times as numbers, paths absolute."""

    model_config = ConfigDict(frozen=True)
    name: str
    model: Annotated[
        str,
        Key(
            about="The model's name or UUID at Numerai.",
            read=fields.model,
            value="text",
            example="model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
            more="A name is looked up once, by the first `up` that has it, and kept; a UUID needs no look-up. "
            "One node runs one model, since Numerai calls one webhook for each. Not in `defaults`.",
            inherit=Inherit.NEVER,
        ),
    ]
    tournament: Annotated[
        Tournament,
        Key(
            about="The tournament that the model takes part in.",
            read=fields.tournament,
            value=listed([f"`{kind}`" for kind in Tournament]),
            example="tournament: signals",
            more="Says in which tournament a name is looked up, and is `TOURNAMENT` in the container.",
        ),
    ] = Tournament.CLASSIC
    cloud: Annotated[
        str,
        WithJsonSchema(fields.CLOUD),
        Key(
            about="Where the node runs.",
            read=fields.cloud,
            value=listed([f"`{cloud}`" for cloud in REGIONS]),
            example="cloud: azure",
            clouds="[what is made on each](resources.md)",
            more="Another cloud for a node that exists: [how it moves](how-to/move-a-node.md).",
        ),
    ]
    region: Annotated[
        str,
        Key(
            about=f"The cloud's own name of a region; by default {listed(REGIONS.values())}.",
            read=fields.text,
            value="text",
            example="region: europe-west1",
            clouds="each has names of its own",
            more="What a cloud shares in a region (network, registry, bucket of claims) is made with the first node "
            "there, and goes with the last.",
            default=", ".join(f"`{region}`" for region in REGIONS.values()),
        ),
    ] = Field(default_factory=lambda node: REGIONS[node["cloud"]])
    size: Annotated[
        Size,
        WithJsonSchema(fields.SIZE),
        Key(
            about="A preset (gen-sm is 1 vCPU and 4 GiB), or cpu (vCPUs) and memory.",
            read=fields.size,
            value="a preset, or `{cpu: ..., memory: ...}`",
            example="size: {cpu: 2, memory: 12GiB}",
            clouds="each has its own steps: [sizes](sizes.md)",
            more="`cpu` is a number of vCPUs, `memory` an amount in `GiB` or `MiB`.",
        ),
    ] = fields.size(sizes.DEFAULT)
    source: Annotated[
        Path,
        WithJsonSchema(fields.TEXT),
        Key(
            about="The folder that holds the model's Dockerfile.",
            read=fields.text,
            value="path, relative to nodes.yaml",
            example="source: examples/tournament-python",
            more="The image is named by a digest of what goes into it (the context's files, without what .dockerignore "
            "leaves out): as long as none of them changes, nothing is built.",
        ),
    ]
    context: Annotated[
        Path,
        WithJsonSchema(fields.TEXT),
        Key(
            about="The build context, by default the source; a parent folder lets models share a package.",
            read=fields.text,
            value="path, relative to nodes.yaml",
            example="source: examples/shared-package/model_1\ncontext: examples/shared-package",
            more="`source` lies in it. The Dockerfile stays the one of `source`, its COPY lines are relative to "
            "`context`: [how models share a package](how-to/share-a-package.md).",
            default="`source`",
        ),
    ] = Field(default_factory=lambda node: node["source"])
    build: Annotated[
        Build,
        WithJsonSchema(fields.BUILD),
        Key(
            about="`docker: true` builds the image with Docker on this machine instead of in the node's cloud.",
            read=fields.build,
            value="`{docker: true}` or `{docker: false}`",
            example="build: {docker: true}",
            more="[What Docker on this machine does, and needs](how-to/docker-builds.md).",
            default="`{docker: false}`: the image is built in the node's cloud",
        ),
    ] = Build()
    timeout: Annotated[
        int,
        WithJsonSchema(fields.TEXT),
        Key(
            about='How long a job may run, such as "90m" or "2h"; by default an hour.',
            read=durations.seconds,
            value="duration: `90m`, `2h`, `1h30m`",
            example="timeout: 2h",
            more="A job that takes longer is ended by its cloud. Rounds are open for about an hour on weekdays, longer "
            "at the weekend: what submits later than that is late. Training that takes hours belongs before "
            "`pulumi up`.",
            show=lambda seconds: f"{seconds / 60:g}m",
        ),
    ] = 3600
    disk: Annotated[
        int | None,
        WithJsonSchema(fields.AMOUNT),
        Key(
            about='Disk of the job, such as "50GiB"; by default what the cloud gives.',
            read=sizes.gibibytes,
            value="whole `GiB`",
            example="disk: 50GiB",
            default="what the cloud gives",
            show=lambda gibibytes: f"{gibibytes} GiB",
        ),
    ] = None
    schedule: Annotated[
        Schedule | None,
        WithJsonSchema(fields.SCHEDULE),
        Key(
            about="A cron line of five fields beside the webhook, in UTC or in a time zone.",
            read=fields.schedule,
            value="cron line, or `{cron: ..., timezone: ...}`",
            example='schedule:\n  cron: "30 14 * * 2-6"\n  timezone: Europe/Berlin',
            more="Five fields: minute, hour, day, month, weekday (0 and 7 are Sunday; names such as `MON` and `@daily` "
            "work). Runs beside the webhook: [schedules](how-to/schedule.md).",
        ),
    ] = None
    env: Annotated[
        dict[str, str],
        Key(
            about="Variables for the container, beside those that every node gets.",
            read=fields.env,
            value="names and texts",
            example='env: {LOG_LEVEL: info, HORIZON: "20"}',
            more="Not for secrets: values stand in nodes.yaml, in the stack's state and in the cloud's console. Those "
            "of `defaults` are kept, and the node's come on top. Set by themselves, and refused here: "
            f"{', '.join(f'`{name}`' for name in sorted(RESERVED))} and all `NUMERAI_...`.",
            inherit=Inherit.MERGE,
            names_only=True,  # a value may be long, or not for everybody who reads a pull request
        ),
    ] = {}
    command: Annotated[
        tuple[str, ...] | None,
        WithJsonSchema(fields.COMMAND),
        Key(
            about="Run instead of the image's command.",
            read=fields.command,
            value="a line, split as a shell splits it, or a list of words",
            example="command: python predict.py --fast",
            more="There is no shell around it: `&&` and `$NAME` need `[sh, -c, ...]`. An `ENTRYPOINT` of the image "
            "stays.",
            default="the image's",
            show=" ".join,
        ),
    ] = None
    tags: Annotated[
        dict[str, str],
        Key(
            about="Tags or labels on everything that belongs to the node.",
            read=fields.tags,
            value="names and texts",
            example="tags: {owner: me, cost-center: research}",
            more=f"A name has {fields.MAX_TAG_NAME} characters at most, a value {fields.MAX_TAG_VALUE}; a cloud may "
            f"take less, and says so. {', '.join(f'`{name}`' for name in sorted(RESERVED_TAGS))} are set by "
            "themselves. Those of `defaults` are kept, and the node's come on top.",
            inherit=Inherit.MERGE,
            names_only=True,
        ),
    ] = {}
    enabled: Annotated[
        bool,
        Key(
            about="false keeps the node and its URL but starts nothing.",
            read=fields.yes_or_no,
            value="`true` or `false`",
            example="enabled: false",
            more="The webhook answers Numerai that the node is off, and a schedule rests. `true` again, and the same "
            "address works.",
        ),
    ] = True
    register_webhook: Annotated[
        bool,
        Key(
            name="register",  # which pydantic's models have as a method
            about="false leaves the model's webhook at Numerai alone.",
            read=fields.yes_or_no,
            value="`true` or `false`",
            example="register: false",
            more="For a node that is built beside an older one which Numerai goes on calling: see "
            "[coming from numerai-cli](coming-from-numerai-cli.md).",
        ),
    ] = True
    account: Annotated[
        str | None,
        WithJsonSchema(fields.ACCOUNT),
        Key(
            about="Which Numerai account's keys are used, when there are several.",
            read=fields.account,
            value="text of your own, at most 20 lower-case letters, digits and hyphens",
            example="account: fund",
            more="Its keys are `numerai-public-id-fund` and `numerai-secret-fund` of the stack's configuration: "
            "[several accounts](how-to/several-accounts.md).",
            default="the unnamed one",
        ),
    ] = None

    @property
    def dockerfile(self) -> Path:
        """The Dockerfile in the source folder."""
        return self.source / "Dockerfile"

    @property
    def model_is_id(self) -> bool:
        """Whether `model` is a UUID and needs no look-up."""
        return is_uuid(self.model)


_DECLARED = [(field, key) for field, info in Node.model_fields.items() for key in info.metadata if isinstance(key, Key)]
KEYS = {key.name or field: key for field, key in _DECLARED}
"""The declarations by the names that nodes.yaml uses."""
FIELDS = {key.name or field: field for field, key in _DECLARED}
"""The field of each key."""
REQUIRED = [name for name, field in FIELDS.items() if Node.model_fields[field].is_required()]
"""The keys that every node must have, itself or from `defaults`."""
