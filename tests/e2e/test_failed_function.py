"""Google Cloud: `up` heals a trigger whose first build failed, and gives no one the URL of a trigger without a host."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

import pytest

from sandbox.gcp import functions, scheduler
from sandbox.store import Store
from tests.e2e.nodes import node, nodes
from tests.e2e.webhooks import at_numerai
from tests.e2e.world import IDS, MakeWorld, World
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e
DENIED = "builder@x.iam.gserviceaccount.com does not have storage.objects.get access to the object"


def records(world: World, type_: str) -> list[dict[str, object]]:
    store = Store(world.home)
    kept = [record["outputs"] for record in store.all("resources:gcp").values() if record["type"] == type_]
    store.close()
    return kept


def test_the_next_up_builds_a_failed_trigger_again(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "gcp", extra="schedule: '0 13 * * 2-6'")))
    fault = {"where": "/functions/gcp-us-central1", "method": "BUILD", "reason": DENIED}
    world.control.post("/faults/gcp", json=fault).raise_for_status()
    with pytest.raises(EngineFailed, match=r"Build failed: .*storage.objects.get"):
        world.cli.up()
    assert [function["state"] for function in records(world, functions.FUNCTION)] == ["FAILED"]
    assert records(world, scheduler.JOB) == []
    assert not any(at_numerai(world).values())

    printed = world.cli.run("up", "--yes", "--skip-preview")
    assert "failed; building it again" in printed
    assert [function["state"] for function in records(world, functions.FUNCTION)] == ["ACTIVE"]
    targets = [urlsplit(schedule["httpTarget"]["uri"]) for schedule in records(world, scheduler.JOB)]  # type: ignore[index]
    assert [bool(target.hostname) for target in targets] == [True, True], "the node's schedule and the watch's"
    url = at_numerai(world)[IDS["classic"]]
    assert url
    assert world.call(url, str(uuid.uuid4())).status_code == 202
    assert [run["state"] for run in world.finished(1)] == ["SUCCEEDED"]
    assert world.cli.refresh().keys() == {"same"}
    assert world.cli.preview().keys() == {"same"}
