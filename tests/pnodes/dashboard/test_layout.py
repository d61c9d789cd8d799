"""Bars are at the positions of their times; clocks, cells and totals show the right values."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pnodes.dashboard import plots, words
from pnodes.dashboard.clocks import build_clock, summarise
from pnodes.dashboard.page import render_page, render_parts
from pnodes.dashboard.view import build_node_view
from pnodes.dashboard.watch import Snapshot, query_once
from pnodes.deployed.history import read_round
from pnodes.plan import spending
from providers.operations import Run, State
from tests.pnodes.dashboard.fake_world import (
    SETTINGS,
    TOKEN,
    FakeWorld,
    add_history,
    add_rounds,
    call,
    make_world,
    stamp,
)


@pytest.fixture(scope="module")
def world() -> FakeWorld:
    return make_world()


@pytest.fixture(scope="module")
def snapshot(world: FakeWorld) -> Snapshot:
    return query_once(world.deployment())


def test_a_bar_shows_waiting_running_and_marks_on_one_scale(world: FakeWorld, snapshot: Snapshot) -> None:
    alpha = build_node_view(snapshot, "alpha", world.now)
    first, last = alpha.triggers[0].row, alpha.triggers[-1].row
    assert [segment.kind for segment in first.segments] == ["wait", "run"]
    assert [mark.kind for mark in first.marks] == ["call", "sent"]
    wait, run = first.segments
    assert wait.x + wait.width == pytest.approx(run.x, abs=0.02)
    assert run.width / last.segments[1].width == pytest.approx(212 / 231, abs=0.01)
    assert first.marks[0].x == 0
    assert max(segment.x + segment.width for row in alpha.timeline.rows for segment in row.segments) <= 100
    assert [tick.label.replace("\xa0", " ") for tick in alpha.timeline.ticks] == [
        "0 s",
        "1 min",
        "2 min",
        "3 min",
        "4 min",
    ]


def test_durations_run_from_the_oldest_to_the_newest(world: FakeWorld) -> None:
    drawn = plots.lay_out_durations(world.clouds["alpha"].listed)
    assert drawn is not None
    assert [bar.label for bar in drawn.bars[-2:]] == ["370", "371"]
    assert max(drawn.bars, key=lambda bar: bar.height).state == "failed"
    assert not [bar for bar in drawn.bars if bar.y + bar.height != pytest.approx(100, abs=0.02)]
    assert drawn.middle is not None
    assert drawn.middle.label == words.duration(215)
    never = Run("x", State.PENDING, world.now)
    assert plots.lay_out_durations([never]) is None


def test_each_round_has_its_cell(world: FakeWorld, snapshot: Snapshot) -> None:
    kinds = [cell.kind for cell in build_node_view(snapshot, "alpha", world.now).cells]
    assert kinds == ["none"] * 6 + ["on-time"] * 6 + ["missed"] + ["on-time"] * 7
    assert build_node_view(snapshot, "beta", world.now).cells[-1].kind == "open"


def test_the_history_has_every_recorded_round_and_the_availability() -> None:
    world = FakeWorld(make_world().now)
    at = {"at": world.now.timestamp()}
    claim, failed = {"run": "watch-370-1", **at}, {"reason": f"no capacity, token={TOKEN} <b>"}
    world.add("alpha")
    world.history["alpha"] = [
        read_round(371, {"submitted": at}),
        read_round(370, {"1.claim": claim, "watch-370-1.failed": failed, "missed": at}),
    ]
    world.add("beta")
    snapshot = query_once(world.deployment())
    view = build_node_view(snapshot, "alpha", world.now)
    assert view.availability == "1 of 2 rounds in time, 50 %"
    assert [round_.number for round_ in view.history] == [371, 370]
    card = next(part.html for part in render_parts(snapshot, opened="alpha") if part.id == "node-alpha")
    assert "Rounds: 1 of 2 rounds in time, 50 %" in card
    assert "missed: the job could not be started: no capacity, token=*** &lt;b&gt;" in card
    assert TOKEN not in card
    assert build_node_view(snapshot, "beta", world.now).history == []


def test_clocks_count_to_the_close_or_to_the_next_opening(world: FakeWorld, snapshot: Snapshot) -> None:
    nodes = [build_node_view(snapshot, name, world.now) for name in world.clouds]
    classic = build_clock(snapshot, "classic", nodes, world.now)
    assert (classic.state, classic.headline, classic.label) == ("open", "round 371 is open", "closes in")
    assert classic.remaining_percent(world.now) == pytest.approx(70, abs=0.1)
    assert "1 of 3\xa0nodes submitted on time" in classic.details
    signals = build_clock(snapshot, "signals", nodes, world.now)
    assert (signals.headline, signals.label) == ("round 371 is closed", "opens in")
    assert signals.until == world.now + timedelta(hours=5)


def test_a_clock_says_when_numerai_has_not_announced_the_next_opening(world: FakeWorld) -> None:
    other = FakeWorld(world.now)
    add_rounds(other, "classic", 2, timedelta(hours=3), timedelta(hours=1))
    other.add("alpha")
    waiting = build_clock(query_once(other.deployment()), "classic", [], world.now)
    assert (waiting.state, waiting.until) == ("closed", None)
    assert waiting.details[0] == "Numerai has not announced the next opening yet"
    assert (waiting.next_opening, waiting.expected) == (None, False)


def test_an_opening_that_numerai_has_not_announced_is_expected_as_in_the_week_before() -> None:
    now = datetime(2026, 11, 28, 18, 0, tzinfo=UTC)  # a Saturday
    world = FakeWorld(now)
    world.add("alpha")
    days = [day for day in range(1, 15) if (now - timedelta(days=day)).weekday() < 5]
    world.rounds["classic"] = [
        {
            "number": 400 - day,
            "openTime": stamp(now - timedelta(days=day, hours=5)),
            "closeTime": stamp(now - timedelta(days=day, hours=4)),
        }
        for day in days
    ]
    snapshot = query_once(world.deployment())
    clock = build_clock(snapshot, "classic", [], now)
    assert (clock.label, clock.until, clock.expected) == (
        "expected in",
        now + timedelta(days=1, hours=19),
        True,
    )
    assert clock.details[0] == "expected 30\N{NO-BREAK SPACE}Nov 13:00, not announced by Numerai"
    table = next(part.html for part in render_parts(snapshot, now=now) if part.id == "table")
    assert "(expected)" in table
    world.rounds["classic"].append({"number": 401, "openTime": stamp(now + timedelta(days=2)), "closeTime": None})
    announced = query_once(world.deployment())
    clock = build_clock(announced, "classic", [], now)
    assert (clock.label, clock.until, clock.expected) == ("opens in", now + timedelta(days=2), False)
    table = next(part.html for part in render_parts(announced, now=now) if part.id == "table")
    assert "(expected)" not in table


def test_cost_is_the_duration_of_the_runs_at_list_prices(world: FakeWorld, snapshot: Snapshot) -> None:
    node = snapshot.deployment.nodes["alpha"]
    hour = Run("x", State.SUCCEEDED, world.now, "", world.now, world.now + timedelta(hours=1))
    cost = spending.estimate_spending(node, [hour])
    assert cost.usd == pytest.approx(0.04048 + 4 * 0.004445 + 0.005)
    assert spending.estimate_spending(node, [hour, hour]).usd == pytest.approx(2 * (cost.usd or 0))
    assert spending.estimate_spending(replace(node, settings=None), [hour]).why.endswith("run `pulumi up` once")
    huge = {**SETTINGS, "disk": 400}
    assert spending.estimate_spending(replace(node, settings=huge), [hour]).usd is None
    nodes = [build_node_view(snapshot, name, world.now) for name in world.clouds]
    totals = summarise(snapshot, nodes)
    assert totals.cost.endswith("USD")
    assert "estimated from 23\xa0runs since" in totals.cost_note
    assert "without epsilon" in totals.cost_note


def test_a_page_without_answers_says_that_it_is_asking(world: FakeWorld, snapshot: Snapshot) -> None:
    nothing = replace(snapshot, answers={})
    text = render_page(nothing, render_parts(nothing))
    assert text.count("Asking the cloud for the runs.") == 5
    calls = {key: answer for key, answer in snapshot.answers.items() if key == "calls/alpha"}
    assert build_node_view(replace(snapshot, answers=calls), "alpha", world.now).entries == [], "of runs not listed yet"
    assert "asking Numerai" in text
    assert "has not run yet" not in text


def test_a_disabled_node_says_so_and_keeps_no_banner_once_it_is_enabled_again(world: FakeWorld) -> None:
    other = FakeWorld(world.now)
    add_rounds(other, "classic", 2, timedelta(minutes=18), timedelta(hours=1))
    other.add("alpha")
    add_history(other, "alpha", 2, itertools.repeat(60.0))
    reason = "node alpha is disabled in nodes.yaml"
    other.clouds["alpha"].calls.append(call(world.now, http=403, status="refused", reason=reason))
    deployment = other.deployment()
    enabled = deployment.nodes["alpha"]
    disabled = replace(enabled, settings={**SETTINGS, "enabled": False})
    view = build_node_view(query_once(replace(deployment, nodes={"alpha": disabled})), "alpha", world.now)
    assert (view.state.level, view.state.text) == ("none", "disabled")
    assert reason in view.notice
    view = build_node_view(query_once(deployment), "alpha", world.now)
    assert (view.state.level, view.state.label) == ("good", "submitted, round 371")
    assert view.notice == ""


def test_a_stack_without_nodes_and_nodes_without_runs_say_what_to_do_next(world: FakeWorld) -> None:
    empty = FakeWorld(world.now)
    snapshot = query_once(empty.deployment())
    page = render_page(snapshot, render_parts(snapshot))
    assert "This stack has no nodes yet." in page
    assert "pnodes new" in page
    assert "<table" not in page
    empty.add("alpha")
    snapshot = query_once(empty.deployment())
    page = render_page(snapshot, render_parts(snapshot))
    assert "No node has run yet." in page
    assert "pnodes test alpha" in page
    whole = query_once(world.deployment())
    assert "No node has run yet." not in render_page(whole, render_parts(whole))


def test_alerts_are_on_the_page_and_at_their_node(world: FakeWorld) -> None:
    alerting = FakeWorld(world.now)
    alerting.add("alpha")
    recent, old = (world.now - timedelta(days=days) for days in (1, 30))
    alerting.history["alpha"] = [
        read_round(
            number, {"alert-missed.webhook": {"at": at.timestamp(), "title": f"alpha, round {number}: <b>missed"}}
        )
        for number, at in ((371, recent), (350, old))
    ]
    parts = {part.id: part.html for part in render_parts(query_once(alerting.deployment()), {}, world.now)}
    assert "1\N{NO-BREAK SPACE}message in a week" in parts["top"]
    assert "alpha, round 371: &lt;b&gt;missed" in parts["top"]
    assert "round 350" not in parts["top"]
    assert "2\N{NO-BREAK SPACE}messages in the recorded rounds" in parts["node-alpha"]
    assert "No alerts are set up" in parts["node-alpha"]


def test_units_stay_with_their_numbers() -> None:
    written = [words.duration(200), words.usd(0.0042), words.plural(2, "node")]
    assert written == ["3\xa0min 20\xa0s", "0.0042\xa0USD", "2\xa0nodes"]
