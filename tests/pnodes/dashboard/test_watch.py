"""Sources are refreshed in parallel while a page is open; a failed query keeps its last value and affects no other."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from pnodes.dashboard import sources
from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.sources import CALLS, HISTORY, RUNS, SENT, Calls
from pnodes.dashboard.watch import Watch, query_once
from pnodes.deployed.history import read_round
from tests.pnodes.dashboard.fake_world import FakeWorld, call, make_world, stamp
from tests.waiting import wait_until


class Clock:
    """A clock that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def settle(watch: Watch) -> None:
    """Wait until all refreshes have ended."""
    timers = watch._timers
    wait_until(
        lambda: not watch._reloading and not any(timer.busy for timer in timers.values()),
        lambda: f"still busy: {[name for name, timer in timers.items() if timer.busy]}",
        30,
    )


def start_watch(world: FakeWorld) -> tuple[Watch, Clock]:
    clock = Clock()
    watch = Watch(world.deployment(), lambda: None, clock)
    for name in world.clouds:
        watch.note_reader(opened=name)
    return watch, clock


def has_answer(watch: Watch, name: str) -> bool:
    return not watch.snapshot().of(RUNS, name).waiting


def test_a_slow_cloud_does_not_delay_others() -> None:
    world = make_world()
    world.clouds["gamma"].hold = threading.Event()
    watch, _ = start_watch(world)
    watch.tick()
    for name in ("alpha", "epsilon"):
        wait_until(partial(has_answer, watch, name), f"{name} waits for another", 30)
    assert watch.snapshot().of(RUNS, "gamma").waiting
    world.clouds["gamma"].hold.set()
    settle(watch)
    assert watch.snapshot().of(RUNS, "gamma").value


def test_a_failed_query_keeps_the_last_value_until_it_succeeds_again() -> None:
    world = make_world()
    watch, clock = start_watch(world)
    watch.tick()
    settle(watch)
    before = watch.snapshot().of(RUNS, "alpha")
    world.clouds["alpha"].broken = "AWS does not take these credentials."
    clock.now += sources.SECONDS[RUNS]
    watch.tick()
    settle(watch)
    after = watch.snapshot().of(RUNS, "alpha")
    assert (after.value, after.at, after.problem) == (before.value, before.at, "AWS does not take these credentials.")
    world.clouds["alpha"].broken = ""
    clock.now += sources.SECONDS[RUNS]
    watch.tick()
    settle(watch)
    assert watch.snapshot().of(RUNS, "alpha").problem == ""


def test_sources_are_refreshed_only_when_due_and_while_a_page_is_open() -> None:
    world = make_world()
    watch, clock = start_watch(world)
    queries = world.clouds["alpha"].queries
    watch.tick()
    settle(watch)
    clock.now += 1
    watch.tick()
    settle(watch)
    # The first runs were new, so calls and submissions may have been read once more, but runs were not.
    assert queries.count("runs") == 1
    clock.now += 3600
    watch.tick()
    settle(watch)
    assert queries.count("runs") == 1
    watch.note_reader(page_loaded=True, opened="alpha")
    watch.tick()
    settle(watch)
    assert queries.count("runs") == 2


def test_a_refresh_asks_each_region_and_account_once_and_clouds_only_about_an_open_node() -> None:
    world = FakeWorld(make_world().now)
    for number in range(50):
        world.add(f"node-{number:02}", "signals" if number % 5 else "classic")
    clock = Clock()
    watch = Watch(world.deployment(), lambda: None, clock)
    for refresh in (1, 2):
        watch.note_reader()
        watch.tick()
        settle(watch)
        assert [len(names) for names, _ in world.reports[-3:]] == [17, 17, 16], "one request for each region"
        assert len(world.reports) == 3 * refresh
        assert [len(names) for names, _ in world.surveys] == [50] * refresh, "one request for the account"
        clock.now += max(sources.SECONDS[kind] for kind in (sources.HISTORY, SENT))
    assert {last for _, last in world.reports[3:]} == {3}, "only the last rounds are asked for again"
    assert world.surveys[1][1] == [], "the list of rounds is not"
    assert not [name for name, cloud in world.clouds.items() if cloud.queries]
    watch.note_reader(opened="node-07")
    watch.tick()
    settle(watch)
    assert [name for name, cloud in world.clouds.items() if cloud.queries] == ["node-07"]
    assert len(world.clouds["node-07"].queries) <= 3


def test_a_run_that_ended_makes_its_submission_due() -> None:
    world = make_world()
    watch, clock = start_watch(world)
    for _ in range(2):
        watch.tick()
        settle(watch)
    new = {"triggerId": "new", "insertedAt": "2026-01-01T00:00:00Z", "round": {"number": 1}}
    world.submissions["beta"].insert(0, new)
    world.clouds["beta"].listed.pop()
    clock.now += sources.SECONDS[RUNS]
    for _ in range(2):
        watch.tick()
        settle(watch)
    assert watch.snapshot().of(SENT, "beta").value[0]["triggerId"] == "new"


def test_a_new_node_appears_and_existing_answers_stay() -> None:
    world, clock = make_world(), Clock()
    whole = world.deployment()
    some = replace(whole, nodes={"alpha": whole.nodes["alpha"]})
    answers: list[Deployment | Exception | None] = [whole, RuntimeError("no stack is selected.")]

    def reload() -> Deployment | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watch = Watch(some, reload, clock)
    watch.note_reader(opened="alpha")
    watch.tick()
    settle(watch)
    for expected in ((), ("The stack could not be read again: no stack is selected.",)):
        clock.now += 120
        watch.note_reader()
        watch.tick()
        settle(watch)
        snapshot = watch.snapshot()
        assert list(snapshot.deployment.nodes) == list(whole.nodes)
        assert snapshot.of(RUNS, "alpha").value
        assert snapshot.problems == expected


def test_an_answer_in_an_unknown_form_is_reported() -> None:
    world = make_world()
    del world.submissions["alpha"]
    source = sources.list_sources(world.deployment())[f"{SENT}/alpha"]
    source.refresh()
    problem = "The answer about the submissions of alpha could not be read (KeyError)."
    assert {answer.problem for answer in source.answers.values()} == {problem}


def test_a_node_that_its_trigger_refuses_hides_no_other_of_the_region() -> None:
    world = make_world()
    snapshot = query_once(world.deployment())
    assert snapshot.of(HISTORY, "epsilon").problem.startswith("Google Cloud gives no token")
    assert [round_.number for round_ in snapshot.of(HISTORY, "beta").value][:2] == [371, 370]
    assert snapshot.of(HISTORY, "beta").problem == ""


def test_new_rounds_are_added_to_those_that_are_known() -> None:
    world = make_world()
    source = sources.list_sources(world.deployment())[f"{HISTORY}/alpha"]
    source.refresh()
    before = [round_.number for round_ in source.answers[f"{HISTORY}/alpha"].value]
    world.history["alpha"] = [read_round(number, {"submitted": {"at": 1.0}}) for number in (372, 371)]
    source.refresh()
    after = source.answers[f"{HISTORY}/alpha"].value
    assert [round_.number for round_ in after] == [372, *before]
    assert [str(round_.outcome) for round_ in after[:3]] == ["submitted", "submitted", "open"]


def test_a_trigger_s_log_is_read_incrementally_and_each_line_counts_once() -> None:
    world = make_world()
    key = f"{CALLS}/alpha"
    source = sources.list_sources(world.deployment())[key]
    source.refresh()
    first: Calls = source.answers[key].value
    cloud = world.clouds["alpha"]
    cloud.calls.append(call(world.now, "new"))
    source.refresh()
    second: Calls = source.answers[key].value
    assert [call.line.run for call in second.calls] == [*(call.line.run for call in first.calls), "new"]


def test_rounds_are_listed_again_when_one_is_expected_to_open() -> None:
    world = make_world()
    (key,) = (key for key in sources.list_sources(world.deployment()) if key.startswith(SENT))
    source = sources.list_sources(world.deployment())[key]
    source.refresh()
    source.refresh()
    assert [tournaments for _, tournaments in world.surveys] == [["classic", "signals"], []], "a round is open"
    for round_ in world.rounds["classic"]:
        for field in ("openTime", "closeTime", "closeStakingTime"):
            round_[field] = stamp(datetime.fromisoformat(round_[field]) - timedelta(hours=23, minutes=52))
    source = sources.list_sources(world.deployment())[key]
    source.refresh()
    source.refresh()
    assert world.surveys[-1][1] == ["classic"], "a week ago, a round opened ten minutes before this time of day"


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma", "delta"])
def test_query_once_queries_everything(name: str) -> None:
    snapshot = query_once(make_world().deployment())
    assert not [kind for kind in (RUNS, CALLS, SENT) if not snapshot.of(kind, name).at]
    assert snapshot.of(RUNS, "epsilon").problem.startswith("Google Cloud gives no token")
