"""What the reference of nodes.yaml says about each key beyond the model's own description."""

from __future__ import annotations

from dataclasses import dataclass

from nodefile.fields import MAX_TAG_NAME, MAX_TAG_VALUE
from nodefile.model import RESERVED_TAGS
from nodefile.variables import RESERVED
from providers.aws import limits as aws
from providers.azure import limits as azure
from providers.gcp import limits as gcp

ALL = "all three, alike"


@dataclass(frozen=True)
class Key:
    """What a value looks like, where it works, an example (lines of a node) and what else there is to know."""

    kind: str
    clouds: str
    example: str
    more: str = ""


KEYS: dict[str, Key] = {
    "model": Key(
        "text",
        ALL,
        "model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
        "A name is looked up once, by the first `up` that has it, and kept; a UUID needs no look-up. "
        "One node runs one model, since Numerai calls one webhook for each. Not in `defaults`.",
    ),
    "tournament": Key(
        "`classic`, `signals` or `crypto`",
        ALL,
        "tournament: signals",
        "Says in which tournament a name is looked up, and is `TOURNAMENT` in the container.",
    ),
    "cloud": Key(
        "`aws`, `gcp` or `azure`",
        "[what is made on each](resources.md)",
        "cloud: azure",
        "Another cloud for a node that exists: [how it moves](how-to/move-a-node.md).",
    ),
    "region": Key(
        "text",
        "each with names of its own; Azure's without spaces or hyphens",
        "region: europe-west1",
        "What a cloud shares in a region (network, registry, bucket of claims) is made with the first node there, and "
        "goes with the last.",
    ),
    "size": Key(
        "a preset, or `{cpu: ..., memory: ...}`",
        "each has its own steps: [sizes](sizes.md)",
        "size: {cpu: 2, memory: 12GiB}",
        "`cpu` is a number of vCPUs, `memory` an amount in `GiB` or `MiB`.",
    ),
    "source": Key(
        "path, relative to nodes.yaml",
        ALL,
        "source: examples/tournament-python",
        "The image is named by a digest of what goes into it (the context's files, without what .dockerignore leaves "
        "out): as long as none of them changes, nothing is built.",
    ),
    "context": Key(
        "path, relative to nodes.yaml",
        ALL,
        "source: examples/shared-package/model_1\ncontext: examples/shared-package",
        "`source` lies in it. The Dockerfile stays the one of `source`, its COPY lines are relative to `context`: "
        "[how models share a package](how-to/share-a-package.md).",
    ),
    "build": Key(
        "`{docker: true}` or `{docker: false}`",
        ALL,
        "build: {docker: true}",
        "[What Docker on this machine does, and needs](how-to/docker-builds.md).",
    ),
    "timeout": Key(
        "duration: `90m`, `2h`, `1h30m`",
        f"AWS {aws.MIN_TIMEOUT} s to {aws.MAX_TIMEOUT // 86400} days; Google Cloud to {gcp.MAX_TIMEOUT // 3600} h; "
        f"Azure to {azure.MAX_TIMEOUT // 3600} h",
        "timeout: 2h",
        "A job that takes longer is ended by its cloud. Rounds are open for about an hour on weekdays, longer at the "
        "weekend: what submits later than that is late. Training that takes hours belongs before `pulumi up`.",
    ),
    "disk": Key(
        "whole `GiB`",
        f"AWS to {aws.MAX_FARGATE_DISK} GiB, beyond it on an EC2 machine that starts for the run; Azure comes with the "
        f"vCPU, {azure.MAX_DISK} GiB at most; refused on Google Cloud, where files take from the memory",
        "disk: 50GiB",
    ),
    "schedule": Key(
        "cron line, or `{cron: ..., timezone: ...}`",
        "all three; AWS refuses lines that set both the day of the month and the weekday",
        'schedule:\n  cron: "30 14 * * 2-6"\n  timezone: Europe/Berlin',
        "Five fields: minute, hour, day, month, weekday (0 and 7 are Sunday; names such as `MON` and `@daily` work). "
        "Runs beside the webhook: [schedules](how-to/schedule.md).",
    ),
    "env": Key(
        "names and texts",
        "all three; AWS drops empty values, so they are refused there; `AWS_BATCH...` is AWS's, `PORT`, `K_...` and "
        "`CLOUD_RUN_...` are Google's",
        'env: {LOG_LEVEL: info, HORIZON: "20"}',
        "Not for secrets: values stand in nodes.yaml, in the stack's state and in the cloud's console. Those of "
        "`defaults` are kept, and the node's come on top. Set by themselves, and refused here: "
        + ", ".join(f"`{name}`" for name in sorted(RESERVED))
        + " and all `NUMERAI_...`.",
    ),
    "command": Key(
        "a line, split as a shell splits it, or a list of words",
        ALL,
        "command: python predict.py --fast",
        "There is no shell around it: `&&` and `$NAME` need `[sh, -c, ...]`. An `ENTRYPOINT` of the image stays.",
    ),
    "tags": Key(
        "names and texts",
        "tags on AWS and Azure; labels on Google Cloud, which take lower-case letters, digits, `_` and `-` only",
        "tags: {owner: me, cost-center: research}",
        f"A name has {MAX_TAG_NAME} characters at most, a value {MAX_TAG_VALUE}; a cloud may take less, and says so. "
        + ", ".join(f"`{name}`" for name in sorted(RESERVED_TAGS))
        + " are set by themselves. Those of `defaults` are kept, and the node's come on top.",
    ),
    "enabled": Key(
        "`true` or `false`",
        ALL,
        "enabled: false",
        "The webhook answers Numerai that the node is off, and a schedule rests. `true` again, and the same address "
        "works.",
    ),
    "register": Key(
        "`true` or `false`",
        ALL,
        "register: false",
        "For a node that is built beside an older one which Numerai goes on calling: see "
        "[coming from numerai-cli](coming-from-numerai-cli.md).",
    ),
    "account": Key(
        "text of your own, at most 20 lower-case letters, digits and hyphens",
        ALL,
        "account: fund",
        "Its keys are `numerai-public-id-fund` and `numerai-secret-fund` of the stack's configuration: "
        "[several accounts](how-to/several-accounts.md).",
    ),
}
