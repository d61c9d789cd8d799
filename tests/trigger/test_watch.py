"""The watch: every open round gets a submission, none gets two runs at the same time."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.trigger.region import ROW
from tests.trigger.watched import OPENS, WATCHED, World
from trigger.claims import LEASE_SECONDS
from trigger.job_runs import FAILED, RUNNING, SETTLE_SECONDS, STOPPED, SUCCEEDED, JobRun
from trigger.numerai_api import KeysRefused, NumeraiError
from trigger.starts import StartError
from trigger.table import Row, StoreError
from trigger.watch import Rules, Watch


def test_a_round_without_a_call_is_started_once_after_the_waiting_time() -> None:
    world = World()
    assert world.look(14) == {"waiting": 1}
    assert world.numerai.asked == 0
    assert world.look(15) == {"started": 1}
    assert world.look(20) == {"running": 1}
    assert [run.run_id for run in world.cluster.runs] == ["watch-371-1"]


def test_a_run_that_the_watch_starts_gets_the_round_but_no_trigger_id() -> None:
    world = World()
    world.look(15)
    assert world.cluster.environments == [
        {
            "RUN_ID": "watch-371-1",
            "MODEL_ID": ROW.model_id,
            "NODE_NAME": "alpha",
            "ROUND_NUMBER": "371",
            "IS_TEST": "false",
        }
    ]


def test_a_webhook_that_comes_late_finds_the_watch_s_run() -> None:
    world = World()
    world.look(15)
    answer = world.call()
    assert (answer.status, answer.body["status"]) == (200, "already started")
    assert "watch-371-1" in answer.body["reason"]
    assert len(world.cluster.runs) == 1
    world.clock += LEASE_SECONDS + 1
    assert world.call().status == 200
    assert len(world.cluster.runs) == 1


def test_a_round_whose_webhook_came_is_left_alone() -> None:
    world = World()
    assert world.call().status == 202
    assert world.look(15) == {"running": 1}
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = OPENS + 600
    assert world.look(20) == {"submitted": 1}
    assert world.look(25) == {"done": 1}
    assert world.numerai.asked == 1
    assert len(world.cluster.runs) == 1
    record = json.loads(world.store.objects["alpha/round-371/submitted"])
    assert (record["at"], record["late"]) == (OPENS + 600, False)


@pytest.mark.parametrize(("own_fault", "runs"), [(True, 2), (False, 3), (None, 3)])
def test_a_failed_run_is_repeated_within_bounds(own_fault: bool | None, runs: int) -> None:
    world = World()
    world.call()
    for minutes in range(5, 60, 5):
        if world.cluster.runs[-1].state == RUNNING:
            world.clock = OPENS + minutes * 60 - 60
            world.cluster.end(FAILED, own_fault)
        world.look(minutes)
    assert len(world.cluster.runs) == runs
    assert world.look(61) == {"missed": 1}
    assert world.look(66) == {"done": 1}
    assert {line["status"] for line in world.lines if line["route"] == "watch"} == {"started", "missed"}


def test_a_run_that_ends_well_but_submits_nothing_is_repeated_once() -> None:
    world = World()
    world.call()
    world.cluster.end(SUCCEEDED)
    assert world.look(1) == {"waiting": 1}
    assert world.look(1 + SETTLE_SECONDS / 60) == {"started": 1}
    world.cluster.end(SUCCEEDED)
    assert world.look(30) == {"failed": 1}


def test_a_test_that_fails_during_a_round_takes_no_repeat_from_it() -> None:
    world = World()
    world.call("99361e43-0000-4000-8000-73c29c720009", "test")
    world.cluster.end(FAILED, True)
    world.call()
    world.cluster.end(FAILED, True)
    assert world.look(5) == {"started": 1}
    assert [run.run_id for run in world.cluster.runs[2:]] == ["watch-371-2"]
    assert not [key for key in world.store.objects if key.endswith("9.ended")]


def test_a_scheduled_run_is_one_of_the_round() -> None:
    world = World()
    world.cluster.runs = [JobRun("job-0", "schedule-1", SUCCEEDED, OPENS + 60, OPENS + 300)]
    world.numerai.submitted = OPENS + 290
    assert world.look(6) == {"submitted": 1}


def test_a_run_that_a_person_stopped_is_not_repeated() -> None:
    world = World()
    world.call()
    world.cluster.end(STOPPED)
    assert world.look(20) == {"stopped": 1}
    assert len(world.cluster.runs) == 1


def test_nothing_is_started_while_the_run_of_an_earlier_round_goes_on() -> None:
    world = World()
    world.cluster.runs = [JobRun("job-0", "old", RUNNING, OPENS - 7200)]
    assert world.look(15) == {"running": 1}
    assert len(world.cluster.runs) == 1


def test_nothing_is_started_that_would_end_after_the_round() -> None:
    world = World()
    day = 24 * 3600
    world.cluster.runs = [JobRun("job-0", "old", SUCCEEDED, OPENS - day, OPENS - day + 1800)]
    assert world.look(31) == {"late": 1}
    assert len(world.cluster.runs) == 1


def test_a_start_that_fails_is_tried_again_by_the_next_pass() -> None:
    world = World()
    world.cluster.refuses = True
    assert world.look(15) == {"unknown": 1}
    world.cluster.refuses = False
    start, world.cluster.start = world.cluster.start, _refuse  # type: ignore[method-assign]
    assert world.look(20) == {"unknown": 1}
    world.cluster.start = start  # type: ignore[method-assign]
    assert world.look(21) == {"waiting": 1}, "the start may have succeeded although it was reported as failed"
    assert world.look(25) == {"started": 1}
    assert [run.run_id for run in world.cluster.runs] == ["watch-371-2"]


def _refuse(row: Row, run_name: str, env: Mapping[str, str]) -> str:
    raise StartError("no capacity")


@pytest.mark.parametrize("error", [NumeraiError("Numerai did not answer"), StoreError("the store did not answer")])
def test_nothing_breaks_and_nothing_starts_while_numerai_or_the_store_is_silent(error: Exception) -> None:
    world = World()
    if isinstance(error, NumeraiError):
        world.numerai.error = error
    else:
        world.store.broken = lambda key: True
        world.trigger.list_rows = lambda: [WATCHED]  # type: ignore[method-assign]
        world.store.list = _fail  # type: ignore[method-assign]
    assert world.look(15) == {"unknown": 1}
    assert world.cluster.runs == []
    assert str(error) in world.lines[-1]["reason"]


def test_a_table_that_cannot_be_read_is_logged() -> None:
    world = World()
    world.store.broken = lambda key: True
    assert world.look(15) == {}
    assert world.lines[-1]["reason"] == "the table could not be read"


def _fail(prefix: str) -> list[str]:
    raise StoreError("the store did not answer")


def test_without_numerai_s_word_a_run_that_ended_well_counts() -> None:
    world = World()
    world.numerai.error = KeysRefused("the key lacks a scope")
    world.call()
    world.cluster.end(SUCCEEDED)
    assert world.look(10) == {"submitted": 1}


def test_without_numerai_s_word_a_round_without_a_run_is_started() -> None:
    world = World()
    world.numerai.error = KeysRefused("the key lacks a scope")
    assert world.look(15) == {"started": 1}


@pytest.mark.parametrize(
    "row", [WATCHED._replace(watch=""), WATCHED._replace(enabled="no"), WATCHED._replace(watch="soon")]
)
def test_nodes_that_are_disabled_or_not_watched_are_left_out(row: Row) -> None:
    world = World(row)
    assert world.look(30) == {}


def test_between_rounds_there_is_nothing_to_do() -> None:
    world = World()
    world.numerai.round = None
    assert world.look(30) == {}
    assert world.store.reads == 0, "reading the table costs money"


def test_a_test_run_does_not_take_the_round() -> None:
    world = World()
    world.call(round_number="test")
    assert not [key for key in world.store.objects if "round-" in key]


def test_two_passes_at_the_same_time_start_one_run() -> None:
    world = World()
    other = Watch(world.trigger, _Blind(), world.numerai, world.read_keys, lambda: world.clock)
    world.look(15)
    assert other.run_pass() == {"waiting": 1}
    world.clock += LEASE_SECONDS + 1
    listed = world.store.list
    world.store.list = lambda prefix: []  # type: ignore[method-assign]
    assert other.run_pass() == {"unknown": 1}, "its claim exists"
    world.store.list = listed  # type: ignore[method-assign]
    assert len(world.cluster.runs) == 1


class _Blind:
    def list_runs(self, row: Row) -> list[JobRun]:
        return []


def test_the_ends_of_runs_are_recorded() -> None:
    world = World()
    world.call()
    world.cluster.end(FAILED, True)
    world.look(5)
    run = world.cluster.runs[0].run_id
    record = json.loads(world.store.objects[f"alpha/round-371/{run}.ended"])
    assert (record["state"], record["own"], record["created"]) == (FAILED, True, OPENS)


@pytest.mark.parametrize(("text", "rules"), [("900-2", Rules(900, 2)), ("", None), ("900", None), ("a-b", None)])
def test_rules_are_read(text: str, rules: Rules | None) -> None:
    assert Rules.read(text) == rules
