"""Sources are refreshed in parallel while a page is open; a failed query keeps its last value and affects no other."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest

from pnodes.dashboard import sources
from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.sources import CALLS, ROUNDS, RUNS, SENT, Calls, Source
from pnodes.dashboard.watch import Watch, query_once
from providers.refusal import Refusal
from tests.pnodes.dashboard.fake_world import FakeWorld, call, make_world
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
    return Watch(world.deployment(), lambda: None, clock), clock


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
    watch.note_reader(page_loaded=True)
    watch.tick()
    settle(watch)
    assert queries.count("runs") == 2


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
    answer: dict[str, str] = {}
    source = Source(RUNS, "alpha", lambda _before: answer["missing"])
    source.refresh()
    assert source.answer.problem == "The answer about the runs of alpha could not be read (KeyError)."


def test_a_trigger_s_log_is_read_incrementally_and_each_line_counts_once() -> None:
    world = make_world()
    source = sources.list_sources(world.deployment())[f"{CALLS}/alpha"]
    source.refresh()
    first: Calls = source.answer.value
    cloud = world.clouds["alpha"]
    cloud.calls.append(call(world.now, "new"))
    source.refresh()
    second: Calls = source.answer.value
    assert [call.line.run for call in second.calls] == [*(call.line.run for call in first.calls), "new"]


def test_the_list_of_rounds_is_fetched_again_only_for_a_new_round() -> None:
    world = make_world()
    fetched: list[str] = []

    def rounds(name: str) -> list[dict[str, object]]:
        fetched.append(name)
        return list(world.rounds[name])

    deployment = replace(world.deployment(), rounds=rounds)
    source = sources.list_sources(deployment)[f"{ROUNDS}/classic"]
    source.refresh()
    source.refresh()
    assert fetched == ["classic"]
    world.rounds["classic"].insert(0, {"number": 372, "openTime": None, "closeTime": None})
    source.refresh()
    assert fetched == ["classic", "classic"]
    assert max(round_["number"] for round_ in source.answer.value.rounds) == 372


def test_between_rounds_the_list_suffices() -> None:
    def refuse(_name: str) -> None:
        raise Refusal("Numerai refused: Current round not open for submissions.")

    deployment = replace(make_world().deployment(), current_round=refuse)
    snapshot = query_once(deployment)
    answer = snapshot.of(ROUNDS, "classic")
    assert (len(answer.value.rounds), answer.problem) == (30, "")


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma", "delta"])
def test_query_once_queries_everything(name: str) -> None:
    snapshot = query_once(make_world().deployment())
    assert not [kind for kind in (RUNS, CALLS, SENT) if not snapshot.of(kind, name).at]
    assert snapshot.of(RUNS, "epsilon").problem.startswith("Google Cloud gives no token")
