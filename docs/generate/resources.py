"""Generate resources.md: the resources that the program registers for one node and its region on each cloud."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from docs.generate.markdown import table
from docs.generate.mocks import aws, azure, gcp
from docs.generate.purposes import PURPOSES
from docs.generate.recorder import Mocks, Program, Registered, make_model, register
from providers.clouds import find_cloud

_MOCKS: dict[str, type[Mocks]] = {"aws": aws.Mocks, "gcp": gcp.Mocks, "azure": azure.Mocks}
_NODE = "alpha"
_NODES = """\
nodes:
  alpha:
    model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01
    cloud: {cloud}
    source: m
    schedule: "30 14 * * 2-6"
"""


def page() -> str:
    """Return the page's text."""
    parts = [_HEAD]
    for cloud, program in _programs():
        own, shared = program.list_owned(_NODE), program.list_owned(_find_cluster(program))
        parts.append(
            f"## {find_cloud(cloud).title}\n\nFor the node `{_NODE}`, {_count(own)}:\n\n{_table(cloud, own)}\n"
            f"For its region, shared by all nodes there, {_count(shared)}:\n\n{_table(cloud, shared)}\n"
        )
    return "\n".join(parts).rstrip("\n") + "\n"


_HEAD = f"""\
# Resources on each cloud

<!-- Made by `python -m docs.generate` from what the program registers. -->

This page lists the resources that `pulumi up` creates for one node with a schedule, in its cloud's default region. The
types are those of Pulumi's providers. The names are logical names; most resources' names in the cloud have additional
random characters. `pulumi preview` shows the same for your nodes, and `pulumi stack --show-urns` lists the deployed
resources.

A node owns its image, its job and its row in the table of the region's trigger. Everything else is created once for a
region, with its first node, and deleted with its last node; the identity of jobs and the keys' secrets are created once
for each Numerai account there. Every resource that supports tags or labels has
`project` and `stack`. A node's own resources also have `node` and the `tags` of nodes.yaml, so `node={_NODE}` finds all
of them in a bill or a console.

In addition, each stack has the secret from which webhook tokens are derived, the ids of models that nodes.yaml names,
and each model's webhook at Numerai.
"""


def _programs() -> Iterator[tuple[str, Program]]:
    """Yield each cloud with one node on it."""
    for cloud, mocks in _MOCKS.items():
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            make_model(Path(folder))
            resources, nodes = register(mocks(), _NODES.format(cloud=cloud), "prediction-nodes", "live")
        yield cloud, Program(resources, nodes)


def _find_cluster(program: Program) -> str:
    """Return the name of the region's cluster."""
    (cluster,) = program.list_resources(":Cluster")
    return cluster.name


def _table(cloud: str, resources: Sequence[Registered]) -> str:
    names: dict[str, list[str]] = {}
    for resource in resources:
        names.setdefault(_shorten(resource.type), []).append(f"`{resource.name}`")
    purposes = PURPOSES[cloud]
    rows = [[f"`{kind}`", ", ".join(sorted(names[kind])), purposes[kind]] for kind in sorted(names)]
    return table(["type", "name", "purpose"], rows)


def _shorten(type_: str) -> str:
    """Turn `aws:lambda/function:Function` into lambda.Function, and this project's types into prediction-nodes.NAME."""
    _, module, name = type_.split(":")
    return f"{module.removeprefix('dynamic/').partition('/')[0]}.{name}"


def _count(resources: Sequence[Registered]) -> str:
    return f"{len(resources)} resources"
