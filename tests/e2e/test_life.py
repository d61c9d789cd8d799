"""The life of nodes on each cloud: created, called, unchanged, edited field by field, moved and removed."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from tests.e2e.nodes import CLOUDS, node, nodes
from tests.e2e.world import IDS, MakeWorld

pytestmark = pytest.mark.e2e
REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
ELSEWHERE = {"aws": "eu-west-1", "gcp": "europe-west1", "azure": "westeurope"}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_one_node_from_nothing_to_nothing(cloud: str, make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", cloud, extra="env: {EXTRA: seen}")))
    assert world.cli.preview().keys() == {"create"}
    assert sum(world.left().values()) == 0, "a preview made something"
    world.cli.up()
    assert {name for name, count in world.left().items() if count} == {cloud}
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
    assert first.status_code == 202, first.text
    assert first.json()["status"] == "started"
    assert second.status_code == 200, second.text
    assert second.json()["job"] == first.json()["job"]
    assert world.call(url.split("?")[0], str(uuid.uuid4())).status_code == 401
    assert world.call(url, "x").status_code == 400
    (run,) = world.finished(1)
    assert (run["state"], run["trigger_id"]) == ("SUCCEEDED", trigger)
    printed = json.loads(world.log(run["run_id"]))
    assert printed == {
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


# Edits of a node, and the kinds of its resources that may change; None if all contain the edited value.
EDITS: dict[str, tuple[str, set[str] | None]] = {
    "size": ("size: mem-sm", {"job"}),
    "timeout": ("timeout: 2h", {"job"}),
    "env": ("env: {EXTRA: changed}", {"job"}),
    "command": ("command: python predict.py --again", {"job"}),
    "enabled": ("enabled: false", {"row"}),
    "schedule": ("schedule: {cron: '30 13 * * 2-6', timezone: Europe/Berlin}", {"schedule", "row"}),
    "tags": ("tags: {team: research}", None),
    "model": ("model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c99", {"job", "row"}),
    "tournament": ("tournament: crypto", {"job", "row"}),
    "region": ("region: ELSEWHERE", None),
}
KINDS = {
    "aws:batch/jobDefinition:JobDefinition": "job",
    "gcp:cloudrunv2/job:Job": "job",
    "azure-native:app:Job": "job",
    "aws:s3/bucketObjectv2:BucketObjectv2": "row",
    "gcp:storage/bucketObject:BucketObject": "row",
    "azure-native:storage:BlobContainer": "row",
    "aws:scheduler/schedule:Schedule": "schedule",
    "gcp:cloudscheduler/job:Job": "schedule",
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_edit_changes_just_the_right_resources(cloud: str, make_world: MakeWorld) -> None:
    """Each node gets a different edit, one none, all in one preview."""
    before = {
        name: node(name, cloud, extra="register: false").replace(IDS["classic"], f"{IDS['classic'][:-3]}d{number:02}")
        for number, name in enumerate([*EDITS, "other"])
    }
    world = make_world(nodes(*before.values()))
    world.cli.up()
    after = {
        name: edited(before[name], text.replace("ELSEWHERE", ELSEWHERE[cloud])) for name, (text, _) in EDITS.items()
    }
    world.nodes(nodes(*after.values(), before["other"]))
    steps = world.cli.steps()
    touched: dict[str, dict[str, str]] = {name: {} for name in before}
    for urn, step in steps.items():
        type_, _, name = urn.partition("::")
        # The names of a node's resources are its name or begin with it; all others belong to the clusters.
        owner = re.split("[-@]", name)[0]
        if owner in touched:
            touched[owner][type_] = step
    assert not touched["other"], f"an edit of one node touches another: {touched['other']}"
    cluster = f"{cloud}-{REGIONS[cloud]}"
    regional = {urn: step for urn, step in steps.items() if urn.partition("::")[2].startswith(cluster)}
    assert set(regional.values()) <= {"create"}, f"an edit of a node changes its region: {regional}"
    for field, (_, kinds) in EDITS.items():
        assert touched[field], f"{field} changed nothing"
        known = {KINDS[type_] for type_ in touched[field] if type_ in KINDS}
        if kinds is not None:
            assert known, f"{field}: {touched[field]}"
            assert known <= kinds, f"{field}: {touched[field]}"
        # A webhook belongs to its model, and a regional resource cannot move: both are replaced. So is a row that is
        # an object's name.
        if field not in ("model", "region"):
            others = {step for type_, step in touched[field].items() if KINDS.get(type_) != "row"}
            assert others <= {"update", "create"}, f"{field}: {touched[field]}"
    assert f"prediction-nodes:{cloud}:Cluster::{cloud}-{ELSEWHERE[cloud]}" in steps
    world.cli.up()
    assert world.cli.preview().keys() == {"same"}


def edited(text: str, line: str) -> str:
    """Add a line to a node, or replace the line with the same key."""
    key = line.partition(":")[0]
    kept = [other for other in text.splitlines() if not other.startswith(f"    {key}:")]
    return "\n".join([*kept, f"    {line}"]) + "\n"


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
