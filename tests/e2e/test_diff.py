"""`pnodes diff` on a real preview: changes in terms of nodes, the cost and no secrets, also as a comment."""

from __future__ import annotations

import pytest

from tests.e2e.nodes import node, nodes
from tests.e2e.person import Person
from tests.e2e.world import MakeWorld

pytestmark = pytest.mark.e2e


def test_a_change_in_the_nodes_own_terms(make_world: MakeWorld) -> None:
    world = make_world(nodes(node("alpha", "aws", extra="size: gen-sm\nenv: {EXTRA: one}")))
    shown = world.cli.run("up", "--yes", "--skip-preview").split("Outputs:\n")[1].split("\n\n")[0]
    assert [line.split() for line in shown.splitlines()] == [
        ["nodes", ":", "[secret]"], ["settings:", "[secret]"], ["webhooks:", "[secret]"],
    ]  # fmt: skip
    person = Person(world)
    assert person.pnodes("diff", "--exit-code") == "nothing changes.\n"
    world.model("second")
    world.nodes(
        nodes(
            node("alpha", "aws", extra="size: gen-md\nenv: {EXTRA: hidden-value}"),
            node("beta", "gcp", "signals", "second"),
        )
    )
    predict = world.project / "quick" / "predict.py"
    predict.write_text(predict.read_text() + "# a comment\n")
    report = person.json("diff", "--exit-code", code=3)
    changes = {change["node"]: change for change in report["nodes"]}
    assert changes["alpha"]["details"] == ["env: ~EXTRA", "size: gen-sm -> gen-md", "image will be rebuilt"]
    assert changes["beta"]["kind"] == "added"
    assert changes["alpha"]["month_after"] > changes["alpha"]["month_before"] > 0
    assert report["month_after"] > report["month_before"] + changes["beta"]["month_after"]
    comment = person.pnodes("diff", "--markdown")
    assert "### Prediction nodes: 1 added, 1 changed (stack `dev`)" in comment
    assert "hidden-value" not in comment
    webhooks = world.cli.outputs()["webhooks"]
    assert not [url for url in webhooks.values() if url.split("token=")[1] in comment]
    world.cli.up()
    world.nodes(nodes(node("beta", "azure", "signals", "second")))
    report = person.json("diff")
    assert {change["node"]: change["kind"] for change in report["nodes"]} == {"alpha": "removed", "beta": "changed"}
    moved = next(change for change in report["nodes"] if change["node"] == "beta")
    assert "cloud: gcp -> azure" in moved["details"]
    assert "image will be rebuilt" in moved["details"]
    world.nodes("nodes: {}\n")
    person.pnodes("diff", code=2)
    assert "nodes.yaml" in person.said
