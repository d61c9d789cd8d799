"""Alerts in the sandbox: a job fails and recovers, heartbeats arrive, and a test takes the real way on each cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.nodes import CLOUDS, spread
from tests.e2e.person import Person
from tests.e2e.world import SUBMITTING_PREDICT, MakeWorld, World
from tests.pulumi_cli import EngineFailed
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
ALERTS = "watch: {after: 1s}\nalerts: {webhook: alert-webhook, email: me@example.com, heartbeat: alert-heartbeat}\n"
PASS = "2026-11-28T12:05:00Z"
WEBHOOK = "https://discord.com/api/webhooks/1/planted-webhook-token"
HEARTBEAT = "https://hc-ping.com/planted-ping-key/pnodes-{region}?create=1"
REGIONS = {"aws-us-east-1", "gcp-us-central1", "azure-eastus"}
# Fails the first time that it is run.
FAILING_PREDICT = SUBMITTING_PREDICT.replace(
    'if os.environ.get("FAIL"):', 'if not os.environ["RUN_ID"].startswith("watch-"):'
)


def look(world: World) -> None:
    world.control.post("/tick", json={"minute": PASS}).raise_for_status()


def read_inbox(world: World, *kinds: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = world.control.get("/inbox").json()["messages"]
    return [message for message in messages if message["kind"] in kinds]


def told(world: World, words: str) -> list[str]:
    return [message["text"] for message in read_inbox(world, "discord") if words in message["text"]]


def test_alerts_tell_what_happened_to_a_round_on_each_cloud(make_world: MakeWorld) -> None:
    world = make_world("")
    world.nodes(spread(world, **dict.fromkeys(CLOUDS, ALERTS)))
    world.model("quick", FAILING_PREDICT)
    world.cli.preview()  # needs no secrets
    with pytest.raises(EngineFailed, match="names the secret alert-heartbeat, which this stack does not have"):
        world.cli.up()
    world.cli.run("config", "set", "--secret", "alert-webhook", WEBHOOK)
    world.cli.run("config", "set", "--secret", "alert-heartbeat", HEARTBEAT)
    world.cli.up()
    planted = ("planted-webhook-token", "planted-ping-key")
    state = world.cli.run("stack", "export")
    assert not [word for word in planted if word in state], "an address is plain in the state"

    look(world)
    beats = {message["to"] for message in read_inbox(world, "heartbeat")}
    assert beats == {f"/planted-ping-key/pnodes-{region}" for region in REGIONS}

    world.control.post("/open-round", json={"tournament": "classic"}).raise_for_status()
    world.finished(3)
    look(world)
    assert len(told(world, "the run failed")) == 3, read_inbox(world, "discord")
    aws = next(text for text in told(world, "the run failed") if "aws" in text)
    assert "the model's own failure" in aws
    world.finished(6)

    def have_recovered() -> bool:
        look(world)
        return len(told(world, "submission after all")) == 3

    wait_until(have_recovered, lambda: str(read_inbox(world, "discord")), 60)
    look(world)
    assert len(told(world, "the run failed")) == 3
    assert len(told(world, "submission after all")) == 3
    mails = read_inbox(world, "email")
    assert {(mail["cloud"], mail["to"]) for mail in mails} == {(cloud, "me@example.com") for cloud in CLOUDS}
    assert {cloud: sum(mail["cloud"] == cloud for mail in mails) for cloud in CLOUDS} == dict.fromkeys(CLOUDS, 2)
    assert any("the run failed" in mail["subject"] for mail in mails)

    results = Person(world).json("alerts", "test")["nodes"]
    assert [result["channels"] for result in results] == [{"webhook": "sent", "email": "sent"}] * 3
    assert len(told(world, "a test message")) == 3
    logs = json.dumps(world.control.get("/functions").json())
    assert not [word for word in planted if word in logs], "an address is in a log"
