"""Bars stand where their times are; clocks, cells and sums say what is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pnodes.dashboard import plots, spending, words
from pnodes.dashboard.clocks import clock, summary
from pnodes.dashboard.page import page, parts
from pnodes.dashboard.view import node_view
from pnodes.dashboard.watch import Snapshot, look_once
from providers.operations import Run, State
from tests.pnodes.dashboard.known import SETTINGS, Known, days, world


@pytest.fixture(scope="module")
def known() -> Known:
    return world()


@pytest.fixture(scope="module")
def snapshot(known: Known) -> Snapshot:
    return look_once(known.deployment())


def test_a_bar_waits_runs_and_is_marked_on_its_timeline_s_scale(known: Known, snapshot: Snapshot) -> None:
    alpha = node_view(snapshot, "alpha", known.now)
    first, last = alpha.triggers[0].row, alpha.triggers[-1].row
    assert [each.kind for each in first.segments] == ["wait", "run"]
    assert [each.kind for each in first.marks] == ["call", "sent"]
    wait, run = first.segments
    assert wait.x + wait.width == pytest.approx(run.x, abs=0.02)
    assert run.width / last.segments[1].width == pytest.approx(212 / 402, abs=0.01)
    assert first.marks[0].x == 0
    assert max(segment.x + segment.width for row in alpha.timeline.rows for segment in row.segments) <= 100
    assert [tick.label.replace("\xa0", " ") for tick in alpha.timeline.ticks] == ["0 s", "2 min", "4 min", "6 min"]


def test_durations_run_from_the_oldest_to_the_newest(known: Known) -> None:
    drawn = plots.durations(known.clouds["alpha"].known)
    assert drawn is not None
    assert [bar.label for bar in drawn.bars[-2:]] == ["370", "371"]
    assert max(drawn.bars, key=lambda bar: bar.height).state == "failed"
    assert not [bar for bar in drawn.bars if bar.y + bar.height != pytest.approx(100, abs=0.02)]
    assert drawn.middle is not None
    assert drawn.middle.label == words.duration(215)
    never = Run("x", State.PENDING, known.now)
    assert plots.durations([never]) is None


def test_each_round_has_its_cell(known: Known, snapshot: Snapshot) -> None:
    kinds = [cell.kind for cell in node_view(snapshot, "alpha", known.now).cells]
    assert kinds == ["none"] * 6 + ["on-time"] * 6 + ["missed"] + ["on-time"] * 7
    assert node_view(snapshot, "beta", known.now).cells[-1].kind == "open"


def test_clocks_count_to_the_close_or_to_the_next_opening(known: Known, snapshot: Snapshot) -> None:
    nodes = [node_view(snapshot, name, known.now) for name in known.clouds]
    classic = clock(snapshot, "classic", nodes, known.now)
    assert (classic.state, classic.headline, classic.label) == ("open", "round 371 is open", "closes in")
    assert classic.share(known.now) == pytest.approx(70, abs=0.1)
    assert "1 of 3\xa0nodes submitted on time" in classic.details
    signals = clock(snapshot, "signals", nodes, known.now)
    assert (signals.headline, signals.label) == ("round 371 is closed", "opens in")
    assert signals.until == known.now + timedelta(hours=5)


def test_where_numerai_has_not_told_the_next_opening_the_clock_says_so(known: Known) -> None:
    other = Known(known.now)
    days(other, "classic", 2, timedelta(hours=3), timedelta(hours=1))
    other.add("alpha")
    told = clock(look_once(other.deployment()), "classic", [], known.now)
    assert (told.state, told.until) == ("closed", None)
    assert told.details[-1] == "Numerai has not told yet when the next one opens"


def test_cost_is_each_run_s_time_at_list_prices(known: Known, snapshot: Snapshot) -> None:
    node = snapshot.deployment.nodes["alpha"]
    hour = Run("x", State.SUCCEEDED, known.now, "", known.now, known.now + timedelta(hours=1))
    one = spending.spent(node, [hour])
    assert one.usd == pytest.approx(0.04048 + 4 * 0.004445 + 0.005)
    assert spending.spent(node, [hour, hour]).usd == pytest.approx(2 * (one.usd or 0))
    assert spending.spent(replace(node, settings=None), [hour]).why.endswith("run `pulumi up` once")
    huge = {**SETTINGS, "disk": 400}
    assert spending.spent(replace(node, settings=huge), [hour]).usd is None
    nodes = [node_view(snapshot, name, known.now) for name in known.clouds]
    told = summary(snapshot, nodes)
    assert told.cost.endswith("USD")
    assert "estimated from 23\xa0runs since" in told.cost_note
    assert "without epsilon" in told.cost_note


def test_a_page_before_any_answer_says_that_it_asks(known: Known, snapshot: Snapshot) -> None:
    nothing = replace(snapshot, answers={})
    text = page(nothing, parts(nothing))
    assert text.count("Asking its cloud for its runs.") == 5
    assert "asking Numerai" in text
    assert "has not run yet" not in text


def test_units_stay_with_their_numbers() -> None:
    written = [words.duration(200), words.usd(0.0042), words.plural(2, "node")]
    assert written == ["3\xa0min 20\xa0s", "0.0042\xa0USD", "2\xa0nodes"]
