"""The number of resources of a node and of its region. Each one costs time in every preview, and quota."""

from __future__ import annotations

import contextlib
import importlib
import json
from pathlib import Path

import pulumi
import pytest

from docs.generate.recorder import Program, Registered, make_model, register
from nodefile.clouds import REGIONS
from tests.providers.budget import NODE

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c"
REGION = {"aws": 24 + 4, "gcp": 29 + 4, "azure": 16 + 4}
"""When each node had its own trigger (commit 876a2ed), and four more."""
WATCH = {"aws": 5, "gcp": 4, "azure": 1}
"""What the watch needs: a schedule with its group, role and policy, the service on Google Cloud, and the keys."""
LATER = {"aws": 0, "gcp": 0, "azure": 2}
"""On Azure, the environment's diagnostic setting, which replaces the key of the workspace (azure-container-apps 1812),
and the role with which the Functions host keeps its diagnostic events."""
OWN = {
    "aws": ["ImageBuild"],
    "gcp": ["FunctionCode", "ImageBuild", "Permissions"],
    "azure": ["AzureServices", "FunctionCode", "ImageBuild"],
}
"""Our own dynamic resources of a node and its region, which are no resources of the cloud."""


def register_nodes(cloud: str, count: int, folder: Path) -> Program:
    with contextlib.chdir(folder):
        if not (folder / "m").exists():
            make_model(folder)
        entries = [
            f"  node-{number}: {{model: {MODEL}{number:02}, cloud: {cloud}, source: m}}" for number in range(count)
        ]
        mocks = importlib.import_module(f"docs.generate.mocks.{cloud}").Mocks()
        return Program(*register(mocks, "\n".join(["nodes:", *entries]), "prediction-nodes", "live"))


def list_owned(program: Program, owner: str, own: bool = False) -> list[Registered]:
    return [each for each in program.list_owned(owner) if each.type.startswith("pulumi-python:") == own]


def describe_archive(archive: pulumi.AssetArchive) -> dict[str, object]:
    return {name: vars(asset) for name, asset in archive.assets.items()}


@pytest.mark.parametrize("cloud", REGIONS)
def test_a_node_and_its_region_stay_within_their_budgets(cloud: str, tmp_path: Path) -> None:
    program = register_nodes(cloud, 1, tmp_path)
    (cluster,) = program.list_resources(":Cluster")
    node, region = list_owned(program, "node-0"), list_owned(program, cluster.name)
    assert len(node) <= NODE[cloud], [(each.type, each.name) for each in node]
    assert len(region) <= REGION[cloud] + WATCH[cloud] + LATER[cloud], [(each.type, each.name) for each in region]
    own = {
        each.type.rsplit(":", 1)[-1] for name in ("node-0", cluster.name) for each in list_owned(program, name, True)
    }
    assert sorted(own) == OWN[cloud]


@pytest.mark.parametrize("cloud", REGIONS)
def test_another_node_changes_nothing_of_its_region(cloud: str, tmp_path: Path) -> None:
    one, two = register_nodes(cloud, 1, tmp_path), register_nodes(cloud, 2, tmp_path)
    (cluster,) = one.list_resources(":Cluster")
    for owner in (cluster.name, "node-0"):
        before, after = (
            {
                (each.type, each.name): json.dumps(each.inputs, default=describe_archive)
                for each in program.list_owned(owner)
            }
            for program in (one, two)
        )
        assert after == before
