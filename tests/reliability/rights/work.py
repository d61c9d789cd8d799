"""What the identities of a stack do: build images, start jobs, watch rounds, rescue, and send alerts."""

from __future__ import annotations

from typing import Any

from tests.e2e.nodes import CLOUDS
from tests.e2e.world import SUBMITTING_PREDICT, World
from tests.waiting import wait_until

OTHER = {"aws": "gcp", "gcp": "azure", "azure": "aws"}
"""The cloud that rescues a cloud's node."""
FEATURES = {
    cloud: "watch: {after: 1s}\nsecrets: [VENDOR]\n"
    "alerts: {webhook: alert-webhook, email: me@example.com, heartbeat: alert-heartbeat}\n"
    f"rescue: {{cloud: {other}, after: 2s}}\n"
    for cloud, other in OTHER.items()
}
"""The features that take rights, as lines of a node."""
_SECRETS = {
    "VENDOR": "planted-vendor-token",
    "alert-webhook": "https://discord.com/api/webhooks/1/planted-webhook-token",
    "alert-heartbeat": "https://hc-ping.com/planted-ping-key/pnodes-{region}?create=1",
}
FAILURE = "the model's own failure"
# Fails the first time that it is run.
_PREDICT = SUBMITTING_PREDICT.replace('if os.environ.get("FAIL"):', 'if not os.environ["RUN_ID"].startswith("watch-"):')
_MINUTE = "2026-11-28T12:05:00Z"
SECONDS = 60


def prepare(world: World) -> None:
    """Deploy the world's nodes, with a model that fails the first time."""
    world.model("quick", _PREDICT)
    for name, value in _SECRETS.items():
        world.cli.run("config", "set", "--secret", name, value)
    world.cli.up()


def start_passes(world: World) -> None:
    """Let each cloud's scheduler start a pass of its watch, and wait for its end."""
    world.control.post("/tick", json={"minute": _MINUTE}).raise_for_status()


def read_inbox(world: World, *kinds: str) -> list[dict[str, Any]]:
    """Return the messages that were received, of some kinds."""
    messages: list[dict[str, Any]] = world.control.get("/inbox").json()["messages"]
    return [message for message in messages if message["kind"] in kinds]


def open_round(world: World) -> int:
    """Open a round of the classic tournament, which calls the webhooks."""
    return int(world.control.post("/open-round", json={"tournament": "classic"}).json()["round"])


def list_submitted(world: World, number: int) -> set[str]:
    """Return the models that have a submission of a round."""
    items = world.control.get("/submissions").json()["submissions"]
    return {item["model_id"] for item in items if item["round"] == number}


def submit_a_round(world: World) -> None:
    """Open a round in which every node's first run fails, and wait until all alerts have been sent."""
    number = open_round(world)
    world.finished(len(CLOUDS))

    def has_settled() -> bool:
        start_passes(world)
        texts = [message["text"] for message in read_inbox(world, "discord")]
        return sum("submission after all" in text for text in texts) == len(CLOUDS)

    wait_until(has_settled, lambda: str(read_inbox(world, "discord", "email")), SECONDS)
    assert len(list_submitted(world, number)) == len(CLOUDS)
    assert {message["cloud"] for message in read_inbox(world, "email")} == set(CLOUDS)


def submit_without(world: World, cloud: str) -> None:
    """Open a round while a cloud is down, and wait until all nodes have submitted."""
    world.control.post("/outage", json={"cloud": cloud}).raise_for_status()
    number = open_round(world)

    def has_submitted() -> bool:
        start_passes(world)
        return len(list_submitted(world, number)) == len(CLOUDS)

    wait_until(has_submitted, lambda: str(world.runs()), SECONDS)
    world.control.post("/outage", json={"cloud": cloud, "down": False}).raise_for_status()
