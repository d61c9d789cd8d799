"""The flat program of the benchmarks registers the same resources as this program, so comparing the two is fair."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from benchmarks.life import PROGRAMS, record
from pnodes.urn import split_urn
from tests.e2e.fixtures import environments, make_world
from tests.e2e.nodes import CLOUDS, node, nodes
from tests.e2e.world import ROOT, World

__all__ = ["environments", "make_world"]
pytestmark = pytest.mark.e2e
DERIVED = {
    "BlobContainer metadata.token_sha256",
    "BucketIAMMember role",
    "BucketObject name",
    "BucketObjectv2 key",
    "Function serviceConfig.environmentVariables.WATCH_SHA256",
    "FunctionCode",
    "IAMCustomRole roleId",
    'Job httpTarget.headers["X-Trigger-Token"]',
    "Job httpTarget.uri",
    "JobIamMember role",
    "RoleAssignment roleAssignmentName",
    "RoleAssignment roleDefinitionId",
    "RoleDefinition roleDefinitionId",
    "RoleDefinition roleName",
    "Webhook",
}
"""Inputs that the program computes from outputs, such as hashes of them: in a record they are those of the mocks."""


def test_the_flat_program_registers_what_this_one_does(make_world: Callable[[str], World]) -> None:
    models = {"aws": "classic", "gcp": "signals", "azure": "crypto"}
    world = make_world(nodes(*(node(f"on-{cloud}", cloud, models[cloud]) for cloud in CLOUDS)))
    recorded = record(world.project / "nodes.yaml", world.project / "resources.json", "dev")
    shutil.copy(PROGRAMS / "flat.py", world.project / "__main__.py")
    assert world.cli.preview() == {"create": recorded + 1}, "the stack itself is not recorded"
    shutil.copy(ROOT / "__main__.py", world.project / "__main__.py")
    assert world.cli.up() == {"create": recorded + 1}
    shutil.copy(PROGRAMS / "flat.py", world.project / "__main__.py")

    steps = json.loads(world.cli.run("preview", "--json"))["steps"]
    assert not [step["urn"] for step in steps if step["op"] in ("create", "delete")]
    changed = {
        f"{split_urn(step['urn']).type.rsplit(':', 1)[-1]} {path}".strip()
        for step in steps
        if step["op"] in ("update", "replace")
        for path in step["detailedDiff"] or [""]
    }
    assert changed - DERIVED == set()
