"""The policy pack with the real engine: a preview refuses violations before any resource changes.

`test_secrets` shows that all resources of the program comply, on three clouds and with real values.
"""

from __future__ import annotations

import json

import pytest

from pnodes.urn import split_urn
from tests.e2e.nodes import node, nodes
from tests.e2e.world import PACK, MakeWorld
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e
# Possible additions to the program, each of which violates a rule.
WORSE = """
import pulumi_aws
import pulumi_gcp

everything = '{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
pulumi_aws.iam.RolePolicy("worse-policy", role="a-role", policy=everything)
pulumi_aws.ecr.Repository("worse-repository", image_tag_mutability="MUTABLE")
pulumi_aws.cloudwatch.LogGroup("worse-log")
pulumi_aws.s3.Bucket("worse-bucket")
pulumi_gcp.projects.IAMMember("worse-member", project="sandbox-project", role="roles/editor", member="user:me@a.b")
pulumi_gcp.storage.Bucket("worse-store", location="US")
"""


# Each rule with its violation above or in nodes.yaml.
BROKEN = (
    ("no-wildcard-on-aws", "worse-policy"),
    ("immutable-tags", "worse-repository"),
    ("tags-present", "worse-repository"),
    ("log-retention-set", "worse-log"),
    ("every-bucket-blocked", "worse-bucket"),
    ("no-wildcard-on-gcp", "worse-member"),
    ("no-public-bucket", "worse-store"),
    ("no-plaintext-key", "(gcp:cloudrunv2:Job: g1)"),
    ("cost-ceiling", "prediction-nodes-dev"),
)


def test_violations_are_refused(make_world: MakeWorld) -> None:
    secret = "something that nobody may know"
    told = node("g1", "gcp", "signals", extra=f"env: {{TOLD: '{secret}'}}")
    world = make_world(nodes(node("a1", "aws"), told))
    world.cli.run("config", "set", "--secret", "own-secret", stdin=secret)
    world.cli.run("config", "set", "--path", "cost-ceiling.g1", "0.01")
    program = world.project / "__main__.py"
    whole = program.read_text()
    program.write_text(whole + WORSE)
    with pytest.raises(EngineFailed) as caught:
        world.cli.run("preview", *PACK)
    said = str(caught.value).split("Policies:")[1].split("Diagnostics:")[0]
    for rule, name in BROKEN:
        assert any(f"[mandatory]  {rule}" in line and name in line for line in said.splitlines()), f"{rule}: {said}"
    assert "g1 would cost" in said
    assert "a1 would cost" not in said
    assert secret not in said
    # Without a preview, the first resource that violates a rule stops the `up`, and is not created.
    with pytest.raises(EngineFailed, match=r"\[mandatory\]"):
        world.cli.run("up", "--yes", "--skip-preview", *PACK)
    made = {split_urn(each["urn"]).name for each in world.cli.resources()}
    assert not made & {name for _, name in BROKEN if name.startswith("worse-")}


def test_rules_are_configured_by_a_file(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("g1", "gcp")))
    settings = world.project / "policies.json"
    settings.write_text(json.dumps({"cost-ceiling": {"enforcementLevel": "advisory", "usdAMonth": 0.01}}))
    output = world.cli.run("preview", *PACK, "--policy-pack-config", str(settings))
    assert "[advisory]  cost-ceiling" in output
    settings.write_text(json.dumps({"cost-ceiling": {"usdAMonth": "cheap"}}))
    with pytest.raises(EngineFailed, match="usdAMonth"):
        world.cli.run("preview", *PACK, "--policy-pack-config", str(settings))
