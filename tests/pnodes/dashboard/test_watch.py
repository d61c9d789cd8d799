"""Answers are asked for while somebody looks, side by side; what fails keeps what was known and hides nothing else."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest

from pnodes.dashboard import sources
from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.sources import CALLS, ROUNDS, RUNS, SENT, Calls, Source
from pnodes.dashboard.watch import Watch, look_once
from providers.refusal import Refusal
from tests.pnodes.dashboard.known import Known, call, world
from tests.waiting import wait_until


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def settle(watch: Watch) -> None:
    """Wait until what was begun has ended."""
    timers = watch._timers
    wait_until(
        lambda: not watch._reloading and not any(timer.busy for timer in timers.values()),
        lambda: f"still busy: {[name for name, timer in timers.items() if timer.busy]}",
        30,
    )


def looking(known: Known) -> tuple[Watch, Clock]:
    clock = Clock()
    return Watch(known.deployment(), lambda: None, clock), clock


def has_answer(watch: Watch, name: str) -> bool:
    return not watch.snapshot().of(RUNS, name).waiting


def test_a_slow_cloud_delays_no_other() -> None:
    known = world()
    known.clouds["gamma"].hold = threading.Event()
    watch, _ = looking(known)
    watch.tick()
    for name in ("alpha", "epsilon"):
        wait_until(partial(has_answer, watch, name), f"{name} waits for another", 30)
    assert watch.snapshot().of(RUNS, "gamma").waiting
    known.clouds["gamma"].hold.set()
    settle(watch)
    assert watch.snapshot().of(RUNS, "gamma").value


def test_what_fails_later_keeps_what_was_known_with_the_sentence_and_comes_back() -> None:
    known = world()
    watch, clock = looking(known)
    watch.tick()
    settle(watch)
    before = watch.snapshot().of(RUNS, "alpha")
    known.clouds["alpha"].broken = "AWS does not take these credentials."
    clock.now += sources.SECONDS[RUNS]
    watch.tick()
    settle(watch)
    after = watch.snapshot().of(RUNS, "alpha")
    assert (after.value, after.at, after.problem) == (before.value, before.at, "AWS does not take these credentials.")
    known.clouds["alpha"].broken = ""
    clock.now += sources.SECONDS[RUNS]
    watch.tick()
    settle(watch)
    assert watch.snapshot().of(RUNS, "alpha").problem == ""


def test_nobody_is_asked_before_it_is_time_or_while_nobody_looks() -> None:
    known = world()
    watch, clock = looking(known)
    asked = known.clouds["alpha"].asked
    watch.tick()
    settle(watch)
    clock.now += 1
    watch.tick()
    settle(watch)
    # The first runs were news, so calls and submissions may have been looked at once more; runs were not.
    assert asked.count("runs") == 1
    clock.now += 3600
    watch.tick()
    settle(watch)
    assert asked.count("runs") == 1
    watch.seen(anew=True)
    watch.tick()
    settle(watch)
    assert asked.count("runs") == 2


def test_a_run_that_ended_makes_its_submission_due() -> None:
    known = world()
    watch, clock = looking(known)
    for _ in range(2):
        watch.tick()
        settle(watch)
    known.sent["beta"].insert(0, {"triggerId": "new", "insertedAt": "2026-01-01T00:00:00Z", "round": {"number": 1}})
    known.clouds["beta"].known.pop()
    clock.now += sources.SECONDS[RUNS]
    for _ in range(2):
        watch.tick()
        settle(watch)
    assert watch.snapshot().of(SENT, "beta").value[0]["triggerId"] == "new"


def test_a_node_that_is_new_in_the_stack_shows_up_and_what_was_known_stays() -> None:
    known, clock = world(), Clock()
    whole = known.deployment()
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
        watch.seen()
        watch.tick()
        settle(watch)
        snapshot = watch.snapshot()
        assert list(snapshot.deployment.nodes) == list(whole.nodes)
        assert snapshot.of(RUNS, "alpha").value
        assert snapshot.problems == expected


def test_an_answer_in_an_unknown_form_is_a_sentence() -> None:
    answer: dict[str, str] = {}
    source = Source(RUNS, "alpha", lambda _before: answer["missing"])
    source.look()
    assert source.answer.problem == "The answer about the runs of alpha could not be read (KeyError)."


def test_a_trigger_s_log_is_read_on_from_where_it_was_and_each_line_counts_once() -> None:
    known = world()
    source = sources.sources(known.deployment())[f"{CALLS}/alpha"]
    source.look()
    first: Calls = source.answer.value
    cloud = known.clouds["alpha"]
    cloud.calls.append(call(known.now, "new"))
    source.look()
    second: Calls = source.answer.value
    assert [one.line.run for one in second.calls] == [*(one.line.run for one in first.calls), "new"]


def test_all_rounds_are_asked_for_once_until_there_is_a_new_one() -> None:
    known = world()
    asked: list[str] = []

    def rounds(name: str) -> list[dict[str, object]]:
        asked.append(name)
        return list(known.rounds[name])

    deployment = replace(known.deployment(), rounds=rounds)
    source = sources.sources(deployment)[f"{ROUNDS}/classic"]
    source.look()
    source.look()
    assert asked == ["classic"]
    known.rounds["classic"].insert(0, {"number": 372, "openTime": None, "closeTime": None})
    source.look()
    assert asked == ["classic", "classic"]
    assert max(one["number"] for one in source.answer.value.known) == 372


def test_between_rounds_the_list_is_enough() -> None:
    def refuse(_name: str) -> None:
        raise Refusal("Numerai refused: Current round not open for submissions.")

    deployment = replace(world().deployment(), current_round=refuse)
    snapshot = look_once(deployment)
    answer = snapshot.of(ROUNDS, "classic")
    assert (len(answer.value.known), answer.problem) == (30, "")


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma", "delta"])
def test_one_look_asks_everything(name: str) -> None:
    snapshot = look_once(world().deployment())
    assert not [kind for kind in (RUNS, CALLS, SENT) if not snapshot.of(kind, name).at]
    assert snapshot.of(RUNS, "epsilon").problem.startswith("Google Cloud gives no token")
