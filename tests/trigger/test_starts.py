"""A trigger id never gets two jobs, and a failed start can be repeated."""

from __future__ import annotations

import json
import threading

import pytest

from tests.trigger.called import TRIGGER, World, round_start
from tests.trigger.region import MODEL
from trigger.claims import LEASE_SECONDS
from trigger.http_call import PAUSES
from trigger.starts import StartError


def test_a_round_starts_one_job_with_what_it_needs() -> None:
    world = World()
    answer = world.call()
    assert (answer.status, answer.body) == (202, {"status": "started", "run": TRIGGER, "job": "job-1", "attempt": 1})
    assert world.cluster.started == [
        {
            "TRIGGER_ID": TRIGGER,
            "RUN_ID": TRIGGER,
            "MODEL_ID": MODEL,
            "NODE_NAME": "alpha",
            "ROUND_NUMBER": "371",
            "IS_TEST": "false",
            "DATA_VERSION": "1",
        }
    ]


def test_a_repeat_answers_success_and_starts_nothing() -> None:
    world = World()
    world.call()
    again = world.call()
    assert (again.status, again.body["job"], len(world.cluster.started)) == (200, "job-1", 1)


def test_another_trigger_id_starts_another_job() -> None:
    world = World()
    world.call()
    assert world.call(round_start(triggerId=TRIGGER.replace("9", "8"))).body["job"] == "job-2"


def test_a_failed_start_answers_5xx_and_the_same_id_can_be_claimed_again() -> None:
    world = World()
    world.cluster.refuses = True
    failed = world.call()
    assert (failed.status, failed.body["reason"]) == (502, "the cluster is not there")
    world.cluster.refuses = False
    healed = world.call()
    assert (healed.status, healed.body["attempt"], len(world.cluster.started)) == (202, 2, 1)
    assert world.call().status == 200


def test_a_claim_whose_start_never_happened_is_taken_over_when_its_lease_has_run_out() -> None:
    world = World()
    world.store.create(f"alpha/{TRIGGER}/1.claim", json.dumps({"at": world.clock}).encode())
    waiting = world.call()
    assert (waiting.status, waiting.body["status"], world.cluster.started) == (202, "starting", [])
    world.clock += LEASE_SECONDS
    taken = world.call()
    assert (taken.status, taken.body["attempt"], len(world.cluster.started)) == (202, 2, 1)


def test_many_at_once_start_one_job() -> None:
    world = World()
    gate = threading.Barrier(16)
    answers: list[int] = []

    def one() -> None:
        gate.wait()
        answers.append(world.call().status)

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.cluster.started) == 1
    assert set(answers) <= {200, 202}


def test_many_at_once_take_over_an_expired_claim_only_once() -> None:
    world = World()
    world.store.create(f"alpha/{TRIGGER}/1.claim", json.dumps({"at": world.clock - 1000}).encode())
    threads = [threading.Thread(target=world.call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.cluster.started) == 1


def test_a_start_that_cannot_be_recorded_is_still_a_start() -> None:
    world = World()
    world.store.broken = lambda key: key.endswith(".started")
    assert world.call().status == 202
    assert world.call().body["status"] == "starting"
    assert len(world.cluster.started) == 1


def test_a_claim_store_that_does_not_answer_gives_503_and_starts_nothing() -> None:
    world = World()
    world.store.broken = lambda key: True
    assert world.call().status == 503
    assert world.cluster.started == []


def test_it_gives_up_after_twenty_attempts() -> None:
    world = World()
    world.cluster.refuses = True
    answers = [world.call() for _ in range(21)]
    assert [answer.status for answer in answers] == [502] * 20 + [503]
    assert answers[-1].body["reason"] == "gave up after 20 attempts to start"


@pytest.mark.parametrize("lag", [0, 1, len(PAUSES)])
def test_a_start_whose_answer_was_lost_is_looked_up(lag: int) -> None:
    world = World()
    world.cluster.errors, world.cluster.hidden = [(StartError("no answer", unclear=True), True)], lag
    answer = world.call()
    assert (answer.status, answer.body["job"], len(world.cluster.started)) == (202, "job-1", 1)
    assert world.pauses == list(PAUSES[:lag])
    assert world.call().status == 200


def test_a_start_that_is_found_too_late_is_not_repeated() -> None:
    world = World()
    world.cluster.errors, world.cluster.hidden = [(StartError("no answer", unclear=True), True)], 3
    assert world.call().status == 502
    repeated = world.call()
    assert (repeated.status, repeated.body["job"], repeated.body["attempt"]) == (202, "job-1", 1)
    assert len(world.cluster.started) == 1


def test_a_start_whose_answer_was_lost_is_not_repeated_while_the_list_may_lag() -> None:
    world = World()
    world.cluster.errors, world.cluster.hidden = [(StartError("no answer", unclear=True), True)], 5
    assert [world.call().status for _ in range(3)] == [502, 503, 503]
    assert (world.call().body["status"], len(world.cluster.started)) == ("started", 1)
    assert world.call().body["status"] == "already started"


def test_nothing_is_started_again_while_the_jobs_cannot_be_looked_up() -> None:
    world = World()
    world.cluster.errors, world.cluster.blind = [(StartError("no answer", unclear=True), False)], True
    assert [world.call().status for _ in range(2)] == [502, 502]
    assert world.cluster.started == []
    world.cluster.blind = False
    assert (world.call().status, len(world.cluster.started)) == (503, 0), "the list may lag behind"
    world.clock += LEASE_SECONDS
    assert (world.call().status, len(world.cluster.started)) == (202, 1)


@pytest.mark.parametrize("unclear", [False, True])
def test_a_busy_cluster_is_asked_again(unclear: bool) -> None:
    world = World()
    world.cluster.errors = [(StartError("too many requests", unclear=unclear, busy=True), False)]
    answer = world.call()
    assert (answer.status, answer.body["attempt"], len(world.cluster.started)) == (202, 1, 1)


def test_a_cluster_that_stays_busy_gives_a_failure_that_can_be_repeated() -> None:
    world = World()
    world.cluster.errors = [(StartError("too many requests", busy=True), False)] * 3
    failed = world.call()
    assert (failed.status, failed.body["reason"], world.pauses) == (502, "too many requests", list(PAUSES))
    assert (world.call().status, len(world.cluster.started)) == (202, 1)
