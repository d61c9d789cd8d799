"""Webhooks at Numerai follow the nodes: they are set, moved and cleared, but changes by others are respected."""

from __future__ import annotations

import uuid
from functools import partial

import pytest

from tests.e2e.nodes import node, nodes
from tests.e2e.person import Person
from tests.e2e.webhooks import at_numerai, by_hand
from tests.e2e.world import IDS, MakeWorld, World
from tests.pulumi_cli import EngineFailed
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
WEBHOOK = "pulumi-python:dynamic/prediction-nodes:Webhook"


def refusal(world: World) -> str:
    """Return the output of a failing `up`."""
    with pytest.raises(EngineFailed) as caught:
        world.cli.run("up", "--yes", "--skip-preview")
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def test_up_registers_moves_and_clears(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "gcp"), node("beta", "gcp", "signals", extra="register: false")))
    by_hand(world, IDS["signals"], "https://mine.example/hook")
    world.cli.run("preview")
    assert at_numerai(world)[IDS["classic"]] is None
    world.cli.up()
    url = world.cli.outputs()["webhooks"]["alpha"]
    assert at_numerai(world)[IDS["classic"]] == url
    assert at_numerai(world)[IDS["signals"]] == "https://mine.example/hook"
    assert world.cli.preview().keys() == {"same"}
    calls = world.control.post("/open-round", json={"tournament": "classic"}).json()["triggers"]
    assert [call["status"] for call in calls] == [202]

    # The node moves to another cloud: Numerai has the new URL, and the removal of the old node does not clear it.
    world.nodes(nodes(node("alpha", "aws"), node("beta", "gcp", "signals", extra="register: false")))
    world.cli.up()
    moved = world.cli.outputs()["webhooks"]["alpha"]
    assert moved != url
    assert at_numerai(world)[IDS["classic"]] == moved

    # After a manual change, refresh shows it and the next up corrects it. A removal keeps a webhook that is not ours.
    by_hand(world, IDS["classic"], "https://elsewhere.example/hook")
    assert world.cli.preview().keys() == {"same"}
    assert "update" in world.cli.refresh()
    changed = world.cli.steps()
    assert changed == {f"{WEBHOOK}::alpha": "update"}
    world.cli.up()
    assert at_numerai(world)[IDS["classic"]] == moved
    by_hand(world, IDS["classic"], None)
    problem = "alpha: Numerai has no webhook for this model; `pulumi up --refresh` sets the node's own again\n"
    assert Person(world).pnodes("status", "--check", code=1) == problem
    world.cli.run("up", "--refresh", "--yes", "--skip-preview")
    assert at_numerai(world)[IDS["classic"]] == moved
    assert Person(world).pnodes("status", "--check") == ""
    world.nodes(nodes(node("beta", "gcp", "signals", extra="register: false")))
    by_hand(world, IDS["classic"], "https://elsewhere.example/hook")
    world.cli.up()
    assert at_numerai(world)[IDS["classic"]] == "https://elsewhere.example/hook"
    world.cli.destroy()
    assert at_numerai(world)[IDS["signals"]] == "https://mine.example/hook"


def is_refused(world: World, url: str) -> bool:
    return world.call(url, str(uuid.uuid4())).status_code == 401


def test_new_tokens_for_all_nodes_at_once(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "gcp"), node("beta", "aws", "signals")))
    world.cli.up()
    before = world.cli.outputs()["webhooks"]
    world.cli.run("up", "--yes", "--skip-preview", "--replace", "**::webhook-key")
    after = world.cli.outputs()["webhooks"]
    for name, url in after.items():
        assert url != before[name]
        assert url.split("?")[0] == before[name].split("?")[0]
        # The trigger reads its table every few seconds.
        wait_until(partial(is_refused, world, before[name]), f"the old token of {name} is still accepted", 30)
        assert world.call(url, str(uuid.uuid4())).status_code == 202
    registered = at_numerai(world)
    assert [registered[IDS[model]] for model in ("classic", "signals")] == [after["alpha"], after["beta"]]
    assert world.cli.preview().keys() == {"same"}
    world.finished(2)


def test_a_removed_node_clears_its_webhook(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "azure")))
    world.cli.up()
    assert at_numerai(world)[IDS["classic"]]
    world.cli.destroy()
    assert at_numerai(world)[IDS["classic"]] is None


def test_several_accounts_and_names(make_world: MakeWorld) -> None:
    """The stack's configuration has keys by account; each job gets its account's keys; model names are looked up."""
    alpha = node("alpha", "aws").replace(IDS["classic"], "alpha_model")
    other = node("beta", "aws").replace(IDS["classic"], "stranger_modle") + "    account: fund\n"
    world = make_world(nodes(alpha, other))
    scopes = ["upload_submission", "read_user_info", "read_submission_info"]
    pair = world.control.post("/keys", json={"account": "someone_else", "scopes": scopes}).json()
    assert "pulumi config set --secret numerai-public-id-fund" in refusal(world)
    for setting, value in (("numerai-public-id-fund", pair["public_id"]), ("numerai-secret-fund", pair["secret_key"])):
        world.cli.run("config", "set", "--secret", setting, stdin=value)
    assert 'no classic model "stranger_modle"; did you mean "stranger_model"?' in refusal(world)
    world.nodes(nodes(alpha, other.replace("modle", "model")))
    world.cli.up()
    outputs = world.cli.outputs()
    models = {facts["model_id"]: name for name, facts in outputs["nodes"].items()}
    registered = {models[key]: url for key, url in at_numerai(world).items() if key in models}
    assert registered == outputs["webhooks"]
    for url in outputs["webhooks"].values():
        assert world.call(url, str(uuid.uuid4())).status_code == 202
    assert [run["state"] for run in world.finished(2)] == ["SUCCEEDED"] * 2
    assert world.cli.preview().keys() == {"same"}

    # When keys are rotated, the secrets and the jobs that refer to their versions change, but no webhook does.
    pair = world.control.post("/keys", json={"account": "someone_else", "scopes": scopes}).json()
    for setting, value in (("numerai-public-id-fund", pair["public_id"]), ("numerai-secret-fund", pair["secret_key"])):
        world.cli.run("config", "set", "--secret", setting, stdin=value)
    steps = world.cli.steps()
    assert steps
    assert not [urn for urn in steps if urn.startswith(WEBHOOK) or "alpha" in urn], steps
    world.cli.up()
    world.cli.destroy()
    assert not [url for key, url in at_numerai(world).items() if key in models and url]
