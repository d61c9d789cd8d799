"""Nodes built with Docker on the user's machine; no password of the pushes is left anywhere."""

from __future__ import annotations

import base64
import re
import uuid

import pytest

from sandbox.store import Store
from tests.e2e.nodes import node, nodes
from tests.e2e.world import MakeWorld, World
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e
BY_DOCKER = "build: {docker: true}"
DOCKER_IMAGES = {
    f"pulumi-python:dynamic/prediction-nodes:DockerImages::{name}" for name in ("beta@us-central1", "gamma@eastus")
}
THREE = nodes(
    node("alpha", "aws", extra=BY_DOCKER),
    node("beta", "gcp", "signals", "second", extra=BY_DOCKER),
    node("gamma", "azure", "crypto", "third", extra=BY_DOCKER),
)
IMAGE = "docker-build:index:Image"
CLOUD_BUILD = "pulumi-python:dynamic/prediction-nodes:ImageBuild"


@pytest.fixture
def three(make_world: MakeWorld) -> World:
    world = make_world(THREE)
    world.model("second")
    world.model("third")
    return world


def passwords(world: World) -> dict[str, list[str]]:
    """Return every password that the clouds' registries issued or accept, from the sandbox's own records."""
    store = Store(world.home)
    found = {
        "aws": [*store.all("aws:ecr-passwords")],
        "gcp": [*store.all("gcp:tokens")],
        "azure": [key for key, token in store.all("azure:tokens").items() if token["audience"].endswith(" refresh")],
    }
    store.close()
    return found


@pytest.mark.long
def test_three_nodes_from_nothing_to_their_clouds_builders_and_back_to_nothing(three: World) -> None:
    printed = three.cli.run("preview", "--diff")
    issued_by_cloud = passwords(three)
    assert (issued_by_cloud["aws"], issued_by_cloud["azure"]) == ([], []), "a preview asked for a password"
    printed += three.cli.run("up", "--yes", "--skip-preview")
    assert re.search(r"alpha creating \(\d+s\) COPY \. \.", printed), f"the build's lines are not shown:\n{printed}"
    before = three.cli.outputs()["nodes"]
    for facts in before.values():
        assert "@sha256:" in facts["image"]
    assert three.cli.up().keys() == {"same"}
    assert three.cli.refresh().keys() == {"same"}

    for url in three.cli.outputs()["webhooks"].values():
        assert three.call(url, str(uuid.uuid4())).status_code == 202
    assert {run["state"] for run in three.finished(3)} == {"SUCCEEDED"}

    predict = three.project / "second" / "predict.py"
    predict.write_text(predict.read_text() + "# a comment\n")
    assert three.cli.steps() == {f"{IMAGE}::beta": "update", "gcp:cloudrunv2/job:Job::beta": "update"}
    assert three.cli.up()["update"] == 2
    after = three.cli.outputs()["nodes"]
    assert {name for name in after if after[name]["image"] != before[name]["image"]} == {"beta"}

    printed += three.cli.run("stack") + three.cli.run("stack", "export")
    issued_by_cloud = passwords(three)
    silent = [cloud for cloud, issued in issued_by_cloud.items() if not issued]
    assert not silent, "these clouds' registries issued no password"
    secrets = [secret.encode() for issued in issued_by_cloud.values() for secret in issued]
    secrets += [base64.b64encode(secret).rstrip(b"=")[:-1] for secret in secrets]
    files = [path for path in (three.cli.folder / ".state").rglob("*") if path.is_file()]
    files += [path for place in ("images", "functions", "runs") for path in (three.home / place).rglob("*")]
    contents = [path.read_bytes() for path in [*files, three.home / "daemon.log"] if path.is_file()]
    assert len(contents) > 10
    assert not [secret for secret in secrets if any(secret in content for content in [*contents, printed.encode()])]

    three.nodes(THREE.replace(BY_DOCKER, "build: {docker: false}"))
    steps = three.cli.steps()
    assert {key for key, step in steps.items() if step != "update"} == {
        *(f"{IMAGE}::{name}" for name in ("alpha", "beta", "gamma")),
        *(f"{CLOUD_BUILD}::{name}" for name in ("alpha", "beta@us-central1", "gamma@eastus")),
        *DOCKER_IMAGES,  # delete the images that Docker pushed
    }
    three.cli.up()
    for url in three.cli.outputs()["webhooks"].values():
        assert three.call(url, str(uuid.uuid4())).status_code == 202
    assert {run["state"] for run in three.finished(6)} == {"SUCCEEDED"}
    three.nodes(THREE)
    three.cli.up()
    assert three.cli.preview().keys() == {"same"}

    three.cli.destroy()
    assert sum(three.left().values()) == 0


def test_keys_in_the_folder_and_builds_that_fail_are_sentences(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "gcp", extra=BY_DOCKER)))
    (world.project / "quick" / ".env").write_text("planted\n")
    refused = r"alpha: quick/\.env would be sent .* Add \.env to quick/\.dockerignore"
    with pytest.raises(EngineFailed, match=refused) as no:
        world.cli.run("preview")
    assert "Traceback" not in str(no.value)
    (world.project / "quick" / ".env").unlink()
    world.model("quick", requirements="./there-is-no-such-package\n")
    with pytest.raises(EngineFailed, match=r"failed to solve: .*") as failed:
        world.cli.run("up", "--yes", "--skip-preview")
    assert "there-is-no-such-package" in str(failed.value)
    assert "Start Docker" not in str(failed.value)
    world.model("quick")
    world.cli.up()
    assert world.cli.preview().keys() == {"same"}
