"""How the engine's plans are summarised by node; markup in texts is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodefile import parse
from nodefile.settings import dump_settings, load_node
from pnodes.errors import UserError
from pnodes.plan.markdown import MARK, render
from pnodes.plan.preview import Plan, read
from pnodes.plan.summary import Summary, summarise

URN = "urn:pulumi:dev::p::"


def wanted(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "nodes.yaml").write_text(text)
    found, problems = parse(folder / "nodes.yaml")
    assert found is not None, problems
    assert not problems
    return dump_settings(found)


def plan(*steps: tuple[str, str]) -> Plan:
    stack = {"op": "update", "urn": f"{URN}pulumi:pulumi:Stack::p-dev"}
    return read({"steps": [stack, *({"op": op, "urn": URN + rest} for op, rest in steps)]})


def test_settings_survive_the_way_through_a_state(tmp_path: Path) -> None:
    text = (
        "nodes:\n  alpha: {model: a, cloud: aws, source: model, schedule: '0 14 * * *', disk: 50GiB,\n"
        "    env: {A: b}, command: python x.py, size: {cpu: 2, memory: 12GiB}, account: fund, register: false}\n"
    )
    plain = wanted(tmp_path, text)["alpha"]
    assert plain["source"] == "model"
    node = load_node("alpha", plain)
    assert (node.size.cpu, node.size.memory, node.disk, node.command) == (2, 12288, 50, ("python", "x.py"))
    assert (node.account, node.register_webhook, node.env) == ("fund", False, {"A": "b"})


def test_what_changes(tmp_path: Path) -> None:
    old = wanted(
        tmp_path,
        "nodes:\n  alpha: {model: a, cloud: aws, source: model, size: mem-md, env: {A: old, B: b}}\n"
        "  gone: {model: g, cloud: azure, source: model}\n  same: {model: s, cloud: gcp, source: model}\n",
    )
    new = wanted(
        tmp_path,
        "nodes:\n  alpha: {model: a, cloud: aws, source: model, size: mem-lg, env: {A: new, C: c}, timeout: 90m}\n"
        "  fresh: {model: f, cloud: gcp, source: model}\n  same: {model: s, cloud: gcp, source: model}\n",
    )
    build = "prediction-nodes:aws:PredictionNode$prediction-nodes:aws:Image$pulumi-python:dynamic/prediction-nodes"
    found = summarise(
        plan(
            ("update", f"{build}:ImageBuild::alpha@us-central1"),
            ("create", "x:y:Z::fresh"),
            ("delete", "x:y:Z::gone"),
        ),
        old,
        new,
        10,
    )
    alpha, fresh, gone = found.nodes
    assert alpha.details == (
        "env: ~A, -B, +C", "size: mem-md -> mem-lg", "timeout: 60m -> 90m", "image will be rebuilt",
    )  # fmt: skip
    assert (fresh.kind, gone.kind) == ("added", "removed")
    assert (fresh.month_before, gone.month_after) == (0, 0)
    assert found.month_before is not None
    # In both tables, the rows add up to the total.
    rows = [line.split("|")[3:5] for line in render(found, "dev").splitlines() if line.startswith("|")][2:]
    for cents in ([round(float(row[place]) * 100) for row in rows] for place in (0, 1)):
        assert sum(cents[:-1]) == cents[-1] > 0
    assert found.operations == {"update": 1, "create": 1, "delete": 1}


def test_a_rename_is_one_change(tmp_path: Path) -> None:
    old = wanted(
        tmp_path,
        "nodes:\n  alpha: {model: a, cloud: aws, source: model}\n  beta: {model: b, cloud: aws, source: model}\n",
    )
    new = wanted(
        tmp_path,
        "nodes:\n  gamma: {model: a, cloud: aws, source: model, timeout: 90m}\n"
        "  beta: {model: b, cloud: aws, source: model}\n",
    )
    (gamma,) = summarise(plan(("create", "x:y:Z::gamma"), ("delete", "x:y:Z::alpha")), old, new, 10).nodes
    assert (gamma.node, gamma.kind, gamma.details) == (
        "gamma",
        "changed",
        ("name: alpha -> gamma", "timeout: 60m -> 90m"),
    )
    assert gamma.month_before == gamma.month_after != 0


def test_nothing_changes(tmp_path: Path) -> None:
    same = wanted(tmp_path, "nodes:\n  alpha: {model: a, cloud: aws, source: model}\n")
    found = plan(("same", "x:y:Z::alpha"))
    assert not found.operations
    assert summarise(found, same, same, 10).nodes == ()
    assert "nothing changes" in render(summarise(found, same, same, 10), "dev")


def test_a_price_that_is_not_known_makes_no_sum(tmp_path: Path) -> None:
    big = wanted(tmp_path, "nodes:\n  big: {model: a, cloud: azure, source: model, size: gen-2xl}\n")
    found = summarise(plan(), {}, big, 10)
    assert (found.month_before, found.month_after) == (0, None)
    assert "| 0.00 | ? |" in render(found, "dev")


def test_texts_of_the_file_cannot_leave_their_cell(tmp_path: Path) -> None:
    evil = "x | y `z` @everyone <img src=q>\\n# head"
    new = wanted(tmp_path, f'nodes:\n  alpha: {{model: a, cloud: aws, source: model, command: ["{evil}"]}}\n')
    old = wanted(tmp_path, "nodes:\n  alpha: {model: a, cloud: aws, source: model}\n")
    comment = render(summarise(plan(), old, new, 10), "a`b")
    row = next(line for line in comment.splitlines() if line.startswith("| alpha"))
    cells = row.replace("\\|", "").count("|")
    assert cells == 5
    assert row.count("`") == 2
    assert comment.startswith(MARK)
    assert "(stack `a'b`)" in comment


@pytest.mark.parametrize("document", [[], {}, "x", None])
def test_something_else_is_told(document: Any) -> None:
    with pytest.raises(UserError, match="pulumi preview --json"):
        read(document)


def test_errors_of_a_preview_are_kept() -> None:
    found = read({"steps": [], "diagnostics": [{"severity": "error", "message": "no\n"}, {"severity": "info"}]})
    assert found.messages == ("no",)


def test_the_summary_of_nothing() -> None:
    assert "shared resources" in render(Summary((), 0, 0, 10, {"update": 1}), "dev")


def test_a_rescue_is_a_line_of_its_own_with_what_it_costs_at_rest(tmp_path: Path) -> None:
    text = "nodes:\n  alpha: {model: a, cloud: aws, source: model%s}\n"
    old, new = wanted(tmp_path, text % ""), wanted(tmp_path, text % ", rescue: {cloud: azure}")
    node, rescue = summarise(plan(), old, new, 10).nodes
    assert (node.node, node.details) == ("alpha", ("rescue: none -> {cloud: azure, region: eastus, after: 30m}",))
    assert (rescue.node, rescue.kind, rescue.month_before, rescue.month_after) == ("alpha-rescue", "added", 0, 0)
    summary = summarise(plan(), old, new, 10)
    assert (summary.month_after or 0) - (summary.month_before or 0) > 4, "Azure's registry"
    assert [each.node for each in summarise(plan(), new, old, 10).nodes] == ["alpha", "alpha-rescue"]


def test_a_renamed_node_takes_its_rescue_along(tmp_path: Path) -> None:
    text = "nodes:\n  %s: {model: a, cloud: aws, source: model, rescue: {cloud: gcp}}\n"
    changes = summarise(plan(), wanted(tmp_path, text % "alpha"), wanted(tmp_path, text % "beta"), 10).nodes
    assert {change.node: change.details for change in changes} == {
        "beta": ("name: alpha -> beta",),
        "beta-rescue": ("name: alpha-rescue -> beta-rescue",),
    }
