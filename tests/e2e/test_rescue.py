"""The rescue in the sandbox: AWS is down, and Google Cloud submits the round; all clouds answer their partners."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from providers import webhook_url
from tests.e2e.nodes import CLOUDS, spread
from tests.e2e.person import Person
from tests.e2e.world import SUBMITTING_PREDICT, MakeWorld, World
from tests.waiting import wait_until
from trigger.numerai_api import Keys
from trigger.partner import sign

pytestmark = pytest.mark.e2e
OTHER = {"aws": "gcp", "gcp": "azure", "azure": "aws"}
SHORT = "watch: {after: 1s}\n"
RESCUED = {cloud: f"{SHORT}rescue: {{cloud: {other}, after: 2s}}\n" for cloud, other in OTHER.items()}


def look(world: World) -> list[tuple[str, str]]:
    """Let each cloud's scheduler start a pass. Returns the cloud and the state of each run."""
    world.control.post("/tick", json={"minute": "2026-11-27T12:05:00Z"}).raise_for_status()
    return sorted((run["cloud"], run["state"]) for run in world.runs())


def set_outage(world: World, down: bool) -> None:
    world.control.post("/outage", json={"cloud": "aws", "down": down}).raise_for_status()


def read_records(world: World, url: str, number: int) -> dict[str, Any]:
    """Return what a trigger has recorded about a round."""
    node = [url.split("/pred/")[1].partition("?")[0], webhook_url.read_token(url)]
    with world.client() as client:
        answer = client.post(webhook_url.build_trigger_url(url, "/rounds"), json={"nodes": [node]})
    records: dict[str, Any] = answer.json()["nodes"][0]["rounds"].get(str(number), {})
    return records


def ask(world: World, url: str, number: int, keys: Keys) -> httpx.Response:
    """Ask a trigger whether its partner may start a run of a round."""
    model = url.split("/pred/")[1].partition("?")[0]
    proof = sign(keys, model, str(number), "1", int(time.time() // 60))
    address = webhook_url.build_trigger_url(url, f"/partner/{model}/{number}")
    with world.client() as client:
        return client.post(address, json={"claim": "1"}, headers={"X-Partner-Proof": proof})


def test_a_round_is_submitted_although_a_cloud_is_down(make_world: MakeWorld) -> None:
    world = make_world("")
    world.nodes(spread(world, **RESCUED))
    world.model("quick", SUBMITTING_PREDICT)
    world.cli.up()
    urls = world.cli.outputs()["webhooks"]
    assert sorted(urls) == sorted(f"on-{cloud}{ending}" for cloud in CLOUDS for ending in ("", "-rescue"))
    assert look(world) == []

    set_outage(world, True)
    number = world.control.post("/open-round", json={"tournament": "classic"}).json()["round"]
    wait_until(lambda: len(look(world)) >= 3, lambda: f"no rescue: {world.control.get('/functions').text}", 90)
    runs = world.finished(3)
    assert sorted((run["cloud"], run["state"]) for run in runs) == [
        ("azure", "SUCCEEDED"),
        ("gcp", "SUCCEEDED"),
        ("gcp", "SUCCEEDED"),
    ], [world.log(run["run_id"]) for run in runs]
    sent = [item for item in world.control.get("/submissions").json()["submissions"] if item["round"] == number]
    assert len({item["model_id"] for item in sent}) == len(sent) == 3
    wait_until(
        lambda: bool(look(world)) and "submitted" in read_records(world, urls["on-aws-rescue"], number),
        "the rescue's watch has not recorded the submission",
        60,
    )
    assert read_records(world, urls["on-aws-rescue"], number)["submitted"]["rescued"]
    assert any("predicting on-aws\n" in world.log(run["run_id"]) for run in runs), "the model knows its own name"

    person = Person(world)
    history = json.loads(person.pnodes("history", "on-aws", "--json", code=1))["nodes"][0]
    assert [(each["outcome"], each["reason"]) for each in history["rounds"]] == [
        ("rescued", "its trigger does not answer")
    ]
    set_outage(world, False)
    wait_until(
        lambda: bool(look(world)) and "submitted" in read_records(world, urls["on-aws"], number),
        "the region that is back has not settled the round",
        60,
    )
    assert len(look(world)) == 3
    (history,) = person.json("history", "on-aws")["nodes"]
    assert [(each["outcome"], each["reason"]) for each in history["rounds"]] == [("rescued", "no run was started")]
    assert history["availability"] == 100

    numerai = world.daemon["numerai"]
    for cloud in CLOUDS:
        url = urls[f"on-{cloud}"]
        refused = ask(world, url, number + 1, Keys(numerai["public_id"], "another secret"))
        assert (refused.status_code, refused.json()["status"]) == (401, "refused"), refused.text
        clear = ask(world, url, number + 1, Keys(numerai["public_id"], numerai["secret_key"]))
        assert (clear.status_code, clear.json()["state"]) == (200, "clear"), clear.text
        late = world.call(url, "99361e43-0000-4000-8000-73c29c720001", roundNumber=number + 1)
        assert (late.status_code, late.json()["status"]) == (200, "already started"), late.text
    assert len(world.runs()) == 3

    world.nodes(spread(world, **dict.fromkeys(CLOUDS, SHORT)))
    world.cli.up()
    assert sorted(world.cli.outputs()["nodes"]) == sorted(f"on-{cloud}" for cloud in CLOUDS)
    assert not world.cli.steps(), "the second preview is empty"
