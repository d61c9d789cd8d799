"""A resolved node, and the only declarations of the keys of nodes.yaml.

Each field but `name` is a key: its type and default are the field's, the rest is in its `Key`. The parser, the JSON
Schema, docs/nodes-yaml.md, the stack's output `settings` and `pnodes diff` all read these declarations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from nodefile import durations, fields, own_rights, own_secrets, sizes, texts, watching
from nodefile.clouds import REGIONS
from nodefile.keys import Inherit, Key
from nodefile.model import RESERVED_TAGS, Alerts, Build, Rescue, Schedule, Size, Tournament, Watch, is_uuid
from nodefile.problems import join_words
from nodefile.variables import RESERVED


def _list_or_none(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


class Node(BaseModel):
    """A prediction node: defaults merged, sizes and times as numbers, paths absolute."""

    model_config = ConfigDict(frozen=True)
    name: str
    model: Annotated[
        str,
        Key(
            about="The model's name or UUID at Numerai.",
            read=fields.read_model,
            value="string",
            example="model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
            more="The first `up` looks the name up and stores the model's id; a UUID needs no look-up. Each node runs "
            "one model, because Numerai calls one webhook for each model. Not allowed in `defaults`.",
            inherit=Inherit.NEVER,
        ),
    ]
    tournament: Annotated[
        Tournament,
        Key(
            about="The tournament that the model takes part in.",
            read=fields.read_tournament,
            value=join_words([f"`{kind}`" for kind in Tournament]),
            example="tournament: signals",
            more="The model's name is looked up in this tournament. The container gets it as `TOURNAMENT`.",
        ),
    ] = Tournament.CLASSIC
    cloud: Annotated[
        str,
        WithJsonSchema(fields.CLOUD),
        Key(
            about="The cloud that the node runs on.",
            read=fields.read_cloud,
            value=join_words([f"`{cloud}`" for cloud in REGIONS]),
            example="cloud: azure",
            clouds="[resources on each cloud](resources.md)",
            more="To change the cloud of an existing node, see [how to move a node](how-to/move-a-node.md).",
        ),
    ]
    region: Annotated[
        str,
        Key(
            about=f"The region, as the cloud names it; by default {join_words(REGIONS.values())}.",
            read=fields.read_text,
            value="string",
            example="region: europe-west1",
            clouds="each has its own names",
            more="Nodes in the same region share resources (network, registry, bucket of claims). These are created "
            "with the first node there and deleted with the last.",
            default=", ".join(f"`{region}`" for region in REGIONS.values()),
        ),
    ] = Field(default_factory=lambda node: REGIONS[node["cloud"]])
    size: Annotated[
        Size,
        WithJsonSchema(fields.SIZE),
        Key(
            about="A preset (gen-sm is 1 vCPU and 4 GiB), or cpu (vCPUs) and memory.",
            read=fields.read_size,
            value="a preset, or `{cpu: ..., memory: ...}`",
            example="size: {cpu: 2, memory: 12GiB}",
            clouds="each has its own steps: [sizes](sizes.md)",
            more="`cpu` is a number of vCPUs, `memory` an amount in `GiB` or `MiB`.",
        ),
    ] = fields.read_size(sizes.DEFAULT)
    source: Annotated[
        Path,
        WithJsonSchema(fields.TEXT),
        Key(
            about="The folder that contains the model's Dockerfile; a node has either it or `pickle`.",
            read=fields.read_text,
            value="path, relative to nodes.yaml",
            example="source: examples/tournament-python",
            more="The image is identified by a digest of its sources: the files of the context, except those that "
            ".dockerignore excludes. If none of them changes, nothing is built.",
        ),
    ]
    context: Annotated[
        Path,
        WithJsonSchema(fields.TEXT),
        Key(
            about="The build context, by default the source; a parent folder lets models share a package.",
            read=fields.read_text,
            value="path, relative to nodes.yaml",
            example="source: examples/shared-package/model_1\ncontext: examples/shared-package",
            more="It must contain `source`. The Dockerfile is still the one in `source`, but its COPY lines are "
            "relative to `context`: [how models share a package](how-to/share-a-package.md).",
            default="`source`",
        ),
    ] = Field(default_factory=lambda node: node["source"])
    pickle: Annotated[
        Path | None,
        WithJsonSchema(fields.TEXT),
        Key(
            about="A pickled function of Numerai's Model Uploads, instead of `source`; needs no Dockerfile.",
            read=fields.read_text,
            value="path, relative to nodes.yaml",
            example='pickle: model.pkl\npython: "3.12"',
            more="The file holds a cloudpickled `predict(live_features)` or `predict(live_features, "
            "live_benchmark_models)`. The image is generated, and its program loads the function, predicts, checks and "
            "submits as Numerai does. For Classic only. See [models as pickles](how-to/pickle.md).",
            default="none: the model is in `source`",
        ),
    ] = None
    python: Annotated[
        str | None,
        WithJsonSchema(fields.PYTHON),
        Key(
            about="The Python version that created the pickle; by default the one that its bytecode tells.",
            read=fields.read_python,
            value='`"3.10"` to `"3.13"`, or with `-slim`, in quotes',
            example='pickle: model.pkl\npython: "3.12-slim"',
            more="`3.12` starts from Numerai's own image for that version, which takes several GB. `3.12-slim` starts "
            "from python:3.12-slim, and installs only the packages that the pickle names, in Numerai's versions.",
            default="found from the pickle",
        ),
    ] = None
    packages: Annotated[
        tuple[str, ...],
        WithJsonSchema(fields.PACKAGES),
        Key(
            about="Packages that a pickle needs in addition to Numerai's, or in other versions.",
            read=fields.read_packages,
            value="list of packages as pip names them",
            example='pickle: model.pkl\npython: "3.12"\npackages: [lightgbm==4.6.0]',
            default="none",
            show=", ".join,
        ),
    ] = ()
    build: Annotated[
        Build,
        WithJsonSchema(fields.BUILD),
        Key(
            about="`docker: true` builds the image with Docker on this machine instead of in the node's cloud.",
            read=fields.read_build,
            value="`{docker: true}` or `{docker: false}`",
            example="build: {docker: true}",
            more="See [builds with Docker on this machine](how-to/docker-builds.md).",
            default="`{docker: false}`: the image is built in the node's cloud",
        ),
    ] = Build()
    timeout: Annotated[
        int,
        WithJsonSchema(fields.TEXT),
        Key(
            about='How long a job may run, such as "90m" or "2h"; by default an hour.',
            read=durations.parse_seconds,
            value="duration: `90m`, `2h`, `1h30m`",
            example="timeout: 2h",
            more="The cloud ends a job that takes longer. Rounds are open for about an hour on weekdays, and longer at "
            "the weekend; a later submission is late. If training takes hours, train before `pulumi up`.",
            show=lambda seconds: f"{seconds / 60:g}m",
        ),
    ] = 3600
    disk: Annotated[
        int | None,
        WithJsonSchema(fields.AMOUNT),
        Key(
            about='Disk space of the job, such as "50GiB"; by default as much as the cloud provides.',
            read=sizes.parse_gibibytes,
            value="whole `GiB`",
            example="disk: 50GiB",
            default="as much as the cloud provides",
            show=lambda gibibytes: f"{gibibytes} GiB",
        ),
    ] = None
    schedule: Annotated[
        Schedule | None,
        WithJsonSchema(fields.SCHEDULE),
        Key(
            about="When to run in addition to the webhook: a cron line of five fields, in UTC or in a time zone.",
            read=fields.read_schedule,
            value="cron line, or `{cron: ..., timezone: ...}`",
            example='schedule:\n  cron: "30 14 * * 2-6"\n  timezone: Europe/Berlin',
            more="The fields are minute, hour, day, month and weekday (0 and 7 are Sunday). Names such as `MON` and "
            "shorthands such as `@daily` work too. See [schedules](how-to/schedule.md).",
        ),
    ] = None
    env: Annotated[
        dict[str, str],
        Key(
            about="Environment variables for the container, in addition to those that every node gets.",
            read=texts.read_env,
            value="names with strings",
            example='env: {LOG_LEVEL: info, HORIZON: "20"}',
            more="Do not put secrets here, but into `secrets`: these values are readable in nodes.yaml, in the stack's "
            "state and in the cloud's console. A node's variables are added to those of `defaults`. These are set "
            f"automatically and not allowed here: {', '.join(f'`{name}`' for name in sorted(RESERVED))} and all "
            "`NUMERAI_...`.",
            inherit=Inherit.MERGE,
            names_only=True,  # values may be long, and not every reader of a pull request should see them
        ),
    ] = {}
    secrets: Annotated[
        tuple[str, ...],
        WithJsonSchema(own_secrets.NAMES),
        Key(
            about="Environment variables whose values are secrets of the stack's configuration, such as a data "
            "vendor's token.",
            read=own_secrets.read_secrets,
            value="list of names",
            example="secrets: [EODHD_TOKEN]",
            clouds="[secret stores](secrets.md)",
            more="Set each value once with `pulumi config set --secret EODHD_TOKEN`; the setting has the variable's "
            "name. The value goes to the secret store of the node's cloud, and the container gets it by reference. A "
            "node's names are added to those of `defaults`. See "
            "[how to set and change them](secrets.md#your-models-own-secrets).",
            inherit=Inherit.MERGE,
            show=_list_or_none,
        ),
    ] = ()
    aws: Annotated[
        tuple[str, ...],
        WithJsonSchema(own_rights.AWS),
        Key(
            about="What the model's code may do on AWS: the ARNs of your managed policies. By default nothing.",
            read=own_rights.read_aws,
            value="`{job-policy-arns: [...]}`",
            clouds="AWS",
            example="aws: {job-policy-arns: ['arn:aws:iam::123456789012:policy/prediction-nodes-read-my-bucket']}",
            more="The node's job gets a role of its own with these policies, so that its code can, for example, read "
            "your bucket. In `defaults`, the key applies to the nodes on AWS. See "
            "[what a model's code may do](security.md#the-models-code).",
            default="no rights",
            show=_list_or_none,
        ),
    ] = ()
    gcp: Annotated[
        tuple[str, ...],
        WithJsonSchema(own_rights.GCP),
        Key(
            about="What the model's code may do on Google Cloud: the address of your service account, as which the job "
            "then runs.",
            read=own_rights.read_gcp,
            value="`{job-service-account: ...}`",
            clouds="Google Cloud",
            example="cloud: gcp\ngcp: {job-service-account: my-model@my-project.iam.gserviceaccount.com}",
            more="Create the account and grant it what the model needs; `up` lets it read the node's keys and secrets. "
            "In `defaults`, the key applies to the nodes on Google Cloud.",
            default="an account that can read the node's keys and secrets only",
            show=_list_or_none,
        ),
    ] = ()
    azure: Annotated[
        tuple[str, ...],
        WithJsonSchema(own_rights.AZURE),
        Key(
            about="What the model's code may do on Azure: the id of your user-assigned identity, for which the "
            "container can get tokens.",
            read=own_rights.read_azure,
            value="`{job-identity: ...}`",
            clouds="Azure",
            example="cloud: azure\nazure:\n  job-identity: /subscriptions/00000000-0000-0000-0000-000000000000"
            "/resourceGroups/mine/providers/Microsoft.ManagedIdentity/userAssignedIdentities/my-model",
            more="Azure's libraries need the identity's client id, which is no secret: add it as `AZURE_CLIENT_ID` to "
            "`env`. In `defaults`, the key applies to the nodes on Azure.",
            default="no rights",
            show=_list_or_none,
        ),
    ] = ()
    command: Annotated[
        tuple[str, ...] | None,
        WithJsonSchema(fields.COMMAND),
        Key(
            about="The command to run instead of the image's.",
            read=fields.read_command,
            value="a line, split as a shell splits it, or a list of words",
            example="command: python predict.py --fast",
            more="The command does not run in a shell: `&&` and `$NAME` need `[sh, -c, ...]`. The image's `ENTRYPOINT` "
            "still applies.",
            default="the image's",
            show=" ".join,
        ),
    ] = None
    tags: Annotated[
        dict[str, str],
        Key(
            about="Tags or labels for all resources of the node.",
            read=texts.read_tags,
            value="names with strings",
            example="tags: {owner: me, cost-center: research}",
            more=f"A name has at most {texts.MAX_TAG_NAME} characters and a value at most {texts.MAX_TAG_VALUE}; an "
            f"error tells you if a cloud allows fewer. {', '.join(f'`{name}`' for name in sorted(RESERVED_TAGS))} are "
            "set automatically. A node's tags are added to those of `defaults`.",
            inherit=Inherit.MERGE,
            names_only=True,
        ),
    ] = {}
    watch: Annotated[
        Watch,
        WithJsonSchema(watching.WATCH),
        Key(
            about="Whether a round without a submission is noticed and repaired; true unless set.",
            read=watching.read_watch,
            value="`true`, `false`, or `{after: ..., retries: ...}`",
            example="watch: {after: 10m, retries: 1}",
            more="Every five minutes, the trigger asks Numerai which round is open. If a round has been open for "
            "`after` (15 minutes) and has neither a submission nor a run, it starts the job. It repeats a failed run "
            "up to `retries` times (2), but only once if the model itself failed, and only while there is time. See "
            "[how rounds are watched](how-to/watch.md).",
            default="`true`",
        ),
    ] = Watch()
    rescue: Annotated[
        Rescue | None,
        WithJsonSchema(watching.RESCUE),
        Key(
            about="Another cloud or region that runs the node if a round's submission is still missing.",
            read=watching.read_rescue,
            value="`{cloud: ..., region: ..., size: ..., after: ...}`, or `false`",
            example="rescue: {cloud: gcp, region: europe-west1, after: 30m}",
            more="A second image and job are kept there. If a round has been open for `after` (30 minutes) and neither "
            "has a submission nor a run in progress, the watch of that region starts the second job. Only `cloud` is "
            "required; `region` is by default the cloud's usual one, and `size` the node's own. See "
            "[how a node is rescued](how-to/rescue.md).",
        ),
    ] = None
    alerts: Annotated[
        Alerts,
        WithJsonSchema(watching.ALERTS),
        Key(
            about="Where messages go when a round needs a person: a chat, an e-mail address, a heartbeat.",
            read=watching.read_alerts,
            value="`{webhook: ..., email: ..., heartbeat: ...}`, each optional, or `false`",
            example="alerts:\n  webhook: alert-webhook\n  email: me@example.com\n  heartbeat: alert-heartbeat",
            clouds="e-mails come from each cloud's own service",
            more="`webhook` and `heartbeat` are names of secrets of the stack's configuration, which hold addresses: "
            "`pulumi config set --secret alert-webhook https://discord.com/api/webhooks/...`. The watch sends the "
            "messages, so a node with `watch: false` sends none. See [alerts](how-to/alerts.md).",
            default="`false`",
        ),
    ] = Alerts()
    enabled: Annotated[
        bool,
        Key(
            about="false keeps the node and its URL, but starts no runs.",
            read=fields.read_bool,
            value="`true` or `false`",
            example="enabled: false",
            more="The webhook tells Numerai that the node is disabled, and the schedule does not fire. The URL stays "
            "the same when you set `true` again.",
        ),
    ] = True
    register_webhook: Annotated[
        bool,
        Key(
            name="register",  # pydantic's models have a method of this name
            about="false leaves the model's webhook at Numerai unchanged.",
            read=fields.read_bool,
            value="`true` or `false`",
            example="register: false",
            more="Use it to set up a node while Numerai still calls an older one: see "
            "[coming from numerai-cli](coming-from-numerai-cli.md).",
        ),
    ] = True
    account: Annotated[
        str | None,
        WithJsonSchema(fields.ACCOUNT),
        Key(
            about="The Numerai account whose keys are used, if you have several.",
            read=fields.read_account,
            value="name of your choice: at most 20 lower-case letters, digits and hyphens",
            example="account: fund",
            more="The keys of `fund` are `numerai-public-id-fund` and `numerai-secret-fund` in the stack's "
            "configuration: [several accounts](how-to/several-accounts.md).",
            default="the unnamed account",
        ),
    ] = None

    def list_variables(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the name of each of the user's own variables, plain and secret."""
        yield from (("env", name) for name in self.env)
        yield from (("secrets", name) for name in self.secrets)

    @property
    def rights(self) -> tuple[str, ...]:
        """The user's own rights that the node's code has in its cloud: what `aws`, `gcp` or `azure` names."""
        own: tuple[str, ...] = getattr(self, self.cloud)
        return own

    @property
    def title(self) -> str:
        """The name that the node has for its model and in texts: that of nodes.yaml."""
        return self.name

    @property
    def dockerfile(self) -> Path:
        """Path of the Dockerfile in the source folder."""
        return self.source / "Dockerfile"

    @property
    def model_is_id(self) -> bool:
        """Whether `model` is a UUID, which needs no look-up."""
        return is_uuid(self.model)


_DECLARED = [(field, key) for field, info in Node.model_fields.items() for key in info.metadata if isinstance(key, Key)]
KEYS = {key.name or field: key for field, key in _DECLARED}
"""The declarations by their names in nodes.yaml."""
FIELDS = {key.name or field: field for field, key in _DECLARED}
"""Key -> field of `Node`."""
REQUIRED = [name for name, field in FIELDS.items() if Node.model_fields[field].is_required()]
"""The keys that every node must have, in its own entry or in `defaults`."""
