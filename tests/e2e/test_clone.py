"""Exactly what a clone contains, on a stack that is not the sandbox's: nodes.yaml's examples are never deployed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.checkout import copy_files, tracked
from tests.e2e.nodes import models
from tests.e2e.world import ROOT, MakeWorld, World
from tests.pnodes.migrate import old
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e
REFUSAL = (
    "nodes.yaml still has the examples that it comes with (alpha, beta, gamma), whose models do not exist at Numerai"
)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A clone in which a user has given a stack of their own its settings."""
    world = make_world("nodes: {}\n")
    copy_files(ROOT, [*tracked(), "nodes.yaml", "Pulumi.dev.yaml"], world.project)
    world.use_this_python()
    for name, value in (
        ("gcp:project", "sandbox-project"),
        ("azure-native:subscriptionId", "00000000-0000-0000-0000-000000000001"),
        ("settle-seconds", "0"),
    ):
        world.cli.run("config", "set", name, value)
    return world


def pnodes(world: World, *arguments: str) -> str:
    command = [sys.executable, "-c", "from pnodes.cli.main import run; run()", *arguments]
    env = {**world.cli.env, "PYTHONPATH": str(ROOT), "HOME": str(world.home)}
    done = subprocess.run(command, cwd=world.project, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_examples_are_refused_before_anything_is_created(world: World) -> None:
    assert f"`pulumi up` will change nothing, since {REFUSAL}" in world.cli.run("preview")
    with pytest.raises(EngineFailed) as caught:
        world.cli.run("up", "--yes", "--skip-preview")
    assert f"nothing was changed, since {REFUSAL}" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert world.left() == {"aws": 0, "gcp": 0, "azure": 0}
    assert [resource["type"] for resource in world.cli.resources()] == ["pulumi:pulumi:Stack"]


def test_the_first_node_of_ones_own_replaces_them(world: World) -> None:
    model_id = models(world)[1]["id"]
    said = pnodes(world, "new", "mine", "--model", model_id)
    assert "Removed the examples that nodes.yaml came with: alpha, beta, gamma." in said
    world.cli.up()
    assert {name: facts["model_id"] for name, facts in world.cli.outputs()["nodes"].items()} == {"mine": model_id}


def test_imported_nodes_replace_them(world: World) -> None:
    model_id = models(world)[1]["id"]
    nodes = {"alpha": old.aws(old.model(world.project / "models" / "mine"), model_id=model_id)}
    old.write(world.home / ".numerai", nodes)
    said = pnodes(world, "import", "--no-keys")
    assert "Removed the examples that nodes.yaml came with: alpha, beta, gamma." in said
    steps = world.cli.run("preview")
    assert "beta" not in steps
    assert "examples" not in steps
    assert f"  alpha:\n    model: {model_id}\n" in Path(world.project / "nodes.yaml").read_text()
