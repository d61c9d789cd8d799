"""A model on each cloud reads its own secret and has the user's own rights; a second `up` rotates the secret."""

from __future__ import annotations

import hashlib
import json
import uuid

import pytest

from sandbox.aws.iam import OWN_POLICY
from sandbox.azure.identity import OWN_IDENTITY
from sandbox.gcp.iam import OWN_ACCOUNT
from tests.e2e.nodes import CLOUDS, node, nodes
from tests.e2e.world import MakeWorld, World
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e
PREDICT = """\
import hashlib, os
print("VENDOR_TOKEN", hashlib.sha256(os.environ["VENDOR_TOKEN"].encode()).hexdigest(), flush=True)
"""
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
RIGHTS = {
    "aws": f"aws: {{job-policy-arns: ['{OWN_POLICY.format(123456789012)}']}}",
    "gcp": f"gcp: {{job-service-account: {OWN_ACCOUNT.format('sandbox-project')}}}",
    "azure": f"azure: {{job-identity: {OWN_IDENTITY.format(SUBSCRIPTION)}}}",
}
MODELS = {"aws": "classic", "gcp": "signals", "azure": "crypto"}


def run_all(world: World, finished: int) -> set[str]:
    """Call each node's webhook, and return what the runs since then have printed about their secret."""
    before = {run["run_id"] for run in world.runs()}
    for url in world.cli.outputs()["webhooks"].values():
        assert world.call(url, str(uuid.uuid4())).status_code == 202
    new = [run for run in world.finished(finished) if run["run_id"] not in before]
    assert [run["state"] for run in new] == ["SUCCEEDED"] * 3, new
    return {line.split()[1] for run in new for line in world.log(run["run_id"]).splitlines() if "VENDOR_TOKEN" in line}


def test_models_read_a_secret_that_a_second_up_rotates(make_world: MakeWorld) -> None:
    world = make_world(
        nodes(*(node(f"on-{cloud}", cloud, MODELS[cloud], extra=RIGHTS[cloud]) for cloud in CLOUDS)).replace(
            "nodes:", "defaults: {secrets: [VENDOR_TOKEN]}\nnodes:", 1
        )
    )
    world.model("quick", PREDICT)
    with pytest.raises(EngineFailed, match="is not set: pulumi config set --secret VENDOR_TOKEN"):
        world.cli.run("up", "--yes", "--skip-preview")
    world.cli.run("config", "set", "VENDOR_TOKEN", "plain")
    with pytest.raises(EngineFailed, match="VENDOR_TOKEN is plain text in the stack's settings"):
        world.cli.run("up", "--yes", "--skip-preview")
    assert sum(world.left().values()) == 0

    for number, token in enumerate(("first-vendor-token", "second-vendor-token"), 1):
        world.cli.run("config", "set", "--secret", "VENDOR_TOKEN", stdin=token)
        preview = world.cli.run("preview", "--json")
        for right in RIGHTS.values():
            assert f"its code has the rights of {right.split(': ')[-1].strip(chr(39) + '[]{}')}" in preview
        world.cli.run("up", "--yes", "--skip-preview")
        assert run_all(world, 3 * number) == {hashlib.sha256(token.encode()).hexdigest()}
    changed = [step["op"] for step in json.loads(world.cli.run("preview", "--json"))["steps"]]
    assert set(changed) == {"same"}
