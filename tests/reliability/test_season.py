"""A short form of the season that `make reliability` runs, and its parts."""

from __future__ import annotations

import pytest

from tests.reliability.clock import Clock, Pool
from tests.reliability.fleet import make_nodes, make_rounds
from tests.reliability.numerai_cli import NumeraiCliSeason, find_archive
from tests.reliability.programs import RESCUE, WATCH, run_season
from tests.reliability.rates import NONE, Rates, describe
from tests.reliability.results import EXPLAINED, Result, measure
from tests.reliability.season import HAS_RESCUE, Season

NODES, WEEKS = 9, 6
"""A fleet with one node of each cloud and tournament, in 30 rounds."""


def test_a_season_without_faults_has_one_run_for_each_round() -> None:
    season = Season(1, NONE, NODES, 2)
    season.run()
    result = measure(season, WATCH, 1, 0)
    assert (result.rounds, result.runs, result.missed.total(), result.doubled) == (90, 90, 0, 0)
    assert not result.tried


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("program", [WATCH, *([RESCUE] if HAS_RESCUE else [])])
def test_at_ten_times_the_published_rates_no_round_is_doubled_and_only_outages_cost_one(
    program: str, seed: int
) -> None:
    result = run_season(program, seed, 10, NODES, WEEKS)
    assert result.rounds == NODES * WEEKS * 5
    assert result.tried.total() > 50
    assert result.doubled == 0, result.examples
    assert set(result.missed) <= EXPLAINED, result.examples


def test_a_season_is_the_same_each_time() -> None:
    results = [run_season(WATCH, 3, 30, NODES, 1).write() for _ in range(2)]
    assert results[0] == results[1]


def test_without_the_watch_lost_webhooks_cost_rounds() -> None:
    season = Season(1, Rates().scale(10), NODES, 4, watched=False)
    season.run()
    assert measure(season, "", 1, 10).missed["no run"] > 0


def test_passes_that_are_skipped_would_change_nothing() -> None:
    class Patient(Season):
        def _all_settled(self, region: object, rounds: object) -> bool:
            return False

    results: list[Result] = []
    for kind in (Season, Patient):
        season = kind(5, Rates(function_error=0).scale(10), 3, 2)
        season.run()
        result = measure(season, WATCH, 5, 10)
        result.tried.clear()  # the passes meet faults of their own
        results.append(result)
    assert results[0] == results[1]


@pytest.mark.skipif(find_archive() is None, reason="`make reliability` installs numerai-cli's Lambda")
def test_numerai_cli_s_lambda_starts_a_job_for_each_call() -> None:
    season = NumeraiCliSeason(1, Rates(**{**vars(NONE), "webhook_twice": 0.5}), NODES, 2)
    season.run()
    result = measure(season, "", 1, 1)
    assert result.for_one_start == season.faults.tried["webhook twice"] > 0


def test_the_season_has_the_rounds_of_a_year() -> None:
    rounds = make_rounds(52)
    assert len(rounds) == 52 * 5 * 3
    assert {round_.closes - round_.opens for round_ in rounds} == {3600, 86400}
    clouds = [node.cloud for node in make_nodes(50)]
    assert max(map(clouds.count, clouds)) - min(map(clouds.count, clouds)) <= 1


def test_rates_are_multiplied_up_to_a_half() -> None:
    scaled = Rates().scale(1000)
    assert (scaled.webhook_lost, scaled.job_crashes, scaled.outages) == (0.5, Rates().job_crashes, 1000)
    assert all(about.source for about in describe().values())


def test_tasks_interleave_in_the_order_of_their_times() -> None:
    clock, seen = Clock(0), list[str]()

    def work(name: str, seconds: float) -> None:
        for _ in range(2):
            clock.sleep(seconds)
            seen.append(f"{name} {clock.now:g}")

    def rest(seconds: int) -> int:
        clock.sleep(seconds)
        return seconds

    clock.at(0, lambda: work("a", 2))
    clock.at(1, lambda: work("b", 2))
    clock.at(1, lambda: seen.append(f"pool {Pool(clock, 2).map(rest, [1, 2, 3])}"))
    clock.run()
    assert seen == ["a 2", "b 3", "a 4", "b 5", "pool [1, 2, 3]"]
    assert clock.now == 5


def test_an_error_in_a_task_ends_the_season() -> None:
    clock = Clock(0)
    clock.at(1, lambda: clock.sleep(5))
    empty: dict[str, int] = {}
    clock.at(2, lambda: empty.__delitem__("missing"))
    with pytest.raises(KeyError):
        clock.run()
