"""The life of nodes on each cloud: made, called, unchanged, edited field by field, moved, removed, gone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest

from tests.e2e.world import IDS, World

pytestmark = pytest.mark.e2e
CLOUDS = ["aws", "gcp", "azure"]
REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
ELSEWHERE = {"aws": "eu-west-1", "gcp": "europe-west1", "azure": "westeurope"}
MakeWorld = Callable[[str], World]


def node(name: str, cloud: str, model: str = "classic", source: str = "quick", extra: str = "") -> str:
    lines = [
        f"  {name}:",
        f"    model: {IDS[model]}",
        f"    tournament: {model}",
        f"    cloud: {cloud}",
        f"    source: {source}",
    ]
    return "\n".join([*lines, *(f"    {line}" for line in extra.splitlines())]) + "\n"


def nodes(*texts: str) -> str:
    return "nodes:\n" + "".join(texts)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_one_node_from_nothing_to_nothing(cloud: str, make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", cloud, extra="env: {EXTRA: seen}")))
    assert world.cli.preview().keys() == {"create"}
    assert sum(world.left().values()) == 0, "a preview made something"
    world.cli.up()
    assert {name for name, count in world.left().items() if count} == {cloud}
    assert world.cli.preview().keys() == {"same"}
    assert world.cli.up().keys() == {"same"}
    assert world.cli.refresh().keys() == {"same"}

    outputs = world.cli.outputs()
    url = outputs["webhooks"]["alpha"]
    facts = outputs["nodes"]["alpha"]
    assert (facts["cloud"], facts["region"], facts["model_id"]) == (cloud, REGIONS[cloud], IDS["classic"])
    assert "@sha256:" in facts["image"]
    assert f"/pred/{IDS['classic']}?token=" in url

    trigger = str(uuid.uuid4())
    first, second = world.call(url, trigger), world.call(url, trigger)
    assert (first.status_code, first.json()["status"]) == (202, "started")
    assert (second.status_code, second.json()["job"]) == (200, first.json()["job"])
    assert world.call(url.split("?")[0], str(uuid.uuid4())).status_code == 401
    assert world.call(url, "x").status_code == 400
    (run,) = world.finished(1)
    assert (run["state"], run["trigger_id"]) == ("SUCCEEDED", trigger)
    seen = json.loads(world.log(run["run_id"]))
    assert seen == {
        "TRIGGER_ID": trigger,
        "RUN_ID": trigger,
        "MODEL_ID": IDS["classic"],
        "ROUND_NUMBER": "371",
        "IS_TEST": "false",
        "NODE_NAME": "alpha",
        "TOURNAMENT": "classic",
        "EXTRA": "seen",
        "keys": [True, True],
    }

    world.cli.destroy()
    assert sum(world.left().values()) == 0


EDITS = {
    "size": ("size: mem-sm", {"job"}),
    "timeout": ("timeout: 2h", {"job"}),
    "env": ("env: {EXTRA: changed}", {"job"}),
    "command": ("command: python predict.py --again", {"job"}),
    "enabled": ("enabled: false", {"function"}),
    "schedule": ("schedule: {cron: '30 13 * * 2-6', timezone: Europe/Berlin}", {"schedule", "function"}),
    "tags": ("tags: {team: research}", None),
}
OTHER = {
    "model": (IDS["classic"], IDS["crypto"], {"job", "function"}),
    "tournament": ("tournament: classic", "tournament: crypto", {"job"}),
}
KINDS = {
    "aws:batch/jobDefinition:JobDefinition": "job",
    "gcp:cloudrunv2/job:Job": "job",
    "azure-native:app:Job": "job",
    "aws:lambda/function:Function": "function",
    "gcp:cloudfunctionsv2/function:Function": "function",
    "azure-native:web:WebApp": "function",
    "aws:scheduler/schedule:Schedule": "schedule",
    "gcp:cloudscheduler/job:Job": "schedule",
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_edit_changes_just_the_right_resources(cloud: str, make_world: MakeWorld) -> None:
    other = node("other", cloud, "signals")
    world = make_world(nodes(node("alpha", cloud), other))
    world.cli.up()
    for field, (text, kinds) in EDITS.items():
        world.nodes(nodes(node("alpha", cloud, extra=text), other))
        steps = world.cli.steps()
        assert steps, f"{field} changed nothing"
        assert not [urn for urn in steps if "::other" in urn], f"{field} of one node touches another: {steps}"
        assert set(steps.values()) <= {"update", "create"}, f"{field}: {steps}"
        if kinds is not None:
            known = {KINDS[urn.split("::")[0]] for urn in steps if urn.split("::")[0] in KINDS}
            assert known, f"{field}: {steps}"
            assert known <= kinds, f"{field}: {steps}"
    for field, (old, new, kinds) in OTHER.items():
        world.nodes(nodes(node("alpha", cloud).replace(old, new), other))
        steps = world.cli.steps()
        assert not [urn for urn in steps if "::other" in urn], f"{field} of one node touches another: {steps}"
        assert {KINDS[urn.split("::")[0]] for urn in steps if urn.split("::")[0] in KINDS} == kinds, f"{field}: {steps}"
    world.nodes(nodes(node("alpha", cloud, extra=f"region: {ELSEWHERE[cloud]}"), other))
    steps = world.cli.steps()
    assert not [urn for urn in steps if "::other" in urn], f"a region of one node touches another: {steps}"
    assert f"prediction-nodes:{cloud}:Cluster::{cloud}-{ELSEWHERE[cloud]}" in steps
    world.nodes(nodes(node("alpha", cloud, extra="size: mem-sm\nenv: {EXTRA: changed}"), other))
    world.cli.up()
    assert world.cli.preview().keys() == {"same"}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_changed_source_builds_one_image_and_updates_one_job(cloud: str, make_world: MakeWorld) -> None:
    world = make_world("")
    world.model("second")
    world.nodes(nodes(node("alpha", cloud), node("beta", cloud, "signals", "second")))
    world.cli.up()
    before = world.cli.outputs()["nodes"]
    predict = world.project / "quick" / "predict.py"
    predict.write_text(predict.read_text() + "# a comment\n")
    steps = world.cli.steps()
    assert sorted(steps.values()) == ["update", "update"], steps
    world.cli.up()
    after = world.cli.outputs()["nodes"]
    assert after["alpha"]["image"] != before["alpha"]["image"]
    assert after["beta"] == before["beta"]
    assert world.cli.preview().keys() == {"same"}


def test_a_node_moves_from_cloud_to_cloud_and_leaves_nothing_behind(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "aws"), node("stays", "gcp", "signals")))
    world.cli.up()
    stays = world.cli.outputs()["webhooks"]["stays"]
    for cloud, gone in (("gcp", "aws"), ("azure", None), ("aws", "azure")):
        world.nodes(nodes(node("alpha", cloud), node("stays", "gcp", "signals")))
        world.cli.up()
        left = world.left()
        assert left[cloud] > 0
        assert gone is None or left[gone] == 0, f"moving to {cloud} left {left}"
        outputs = world.cli.outputs()
        assert outputs["webhooks"]["stays"] == stays
        assert world.call(outputs["webhooks"]["alpha"], str(uuid.uuid4())).status_code == 202
    world.finished(3)
    world.nodes(nodes(node("stays", "gcp", "signals")))
    world.cli.up()
    assert {name for name, count in world.left().items() if count} == {"gcp"}
    world.cli.destroy()
    assert sum(world.left().values()) == 0


def test_state_survives_a_restart_of_the_sandbox(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "aws")))
    world.cli.up()
    url = world.cli.outputs()["webhooks"]["alpha"]
    trigger = str(uuid.uuid4())
    assert world.call(url, trigger).status_code == 202
    world.finished(1)
    world.stop()
    world.start()
    world.reconnect()
    assert world.cli.refresh().keys() == {"same"}
    assert world.call(url, trigger).status_code == 200
    assert world.call(url, str(uuid.uuid4())).status_code == 202
    world.finished(2)
