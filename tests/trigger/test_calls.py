"""Which calls ask for a run, and which are refused with their reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.trigger.called import World, round_start
from tests.trigger.region import MODEL, TOKEN


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "the body is not JSON"),
        (b"[1]", "the body is not a JSON object"),
        (b"[" * 5000, "the body is not JSON"),
        (b"", "the body is not JSON"),
        (round_start(triggerId=None), "triggerId: expected a UUID as text"),
        (round_start(triggerId="round-371"), "triggerId: expected a UUID as text"),
        (round_start(triggerId="watch-371-1"), "triggerId: expected a UUID as text"),
        (round_start(triggerId="schedule-1"), "triggerId: expected a UUID as text"),
        (round_start(triggerId=7), "triggerId: expected a UUID as text"),
        (round_start(triggerId="../../other"), "triggerId: expected a UUID as text"),
        (round_start(triggerId="a" * 65), "triggerId: expected a UUID as text"),
        (round_start(roundNumber="371"), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=True), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=-1), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=3.5), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=10**9), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=10**4000), 'roundNumber: expected a whole number or "test"'),
        (round_start(dataVersion="1"), "dataVersion: expected a whole number"),
        (round_start(dataVersion=10**9), "dataVersion: expected a whole number"),
        (round_start(isTest="yes"), "isTest: expected true or false"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(body: object, reason: str) -> None:
    world = World()
    answer = world.call(body)
    assert (answer.status, answer.body["reason"], world.cluster.started) == (400, reason, [])
    assert world.store.objects == {}


def test_unknown_fields_are_harmless() -> None:
    assert World().call(round_start(newField={"a": 1})).status == 202


def without(field: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in round_start(**changes).items() if key != field}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        # same result as in the Cloud Run recipe
        (round_start(), 202),
        (round_start(roundNumber="test"), 202),
        (round_start(roundNumber="test", isTest=True), 202),
        (round_start(isTest=False), 202),
        (round_start(isTest=None), 202),
        (round_start(roundNumber=0), 202),
        (without("triggerId"), 400),
        (without("roundNumber"), 400),
        (round_start(roundNumber=None), 400),
        (round_start(roundNumber=[371]), 400),
        (round_start(dataVersion="new"), 400),
        (round_start(dataVersion=1.5), 400),
        (round_start(triggerId={}), 400),
        (round_start(isTest=[]), 400),
        # accepted only by the recipe: the only string is "test" here, and types are not converted
        (round_start(roundNumber="371"), 400),
        (round_start(roundNumber="soon"), 400),
        (round_start(dataVersion="1"), 400),
        (round_start(isTest="true"), 400),
        (round_start(triggerId=""), 400),
        # accepted only here, because a round should not be missed for this
        (without("dataVersion"), 202),
        (round_start(dataVersion=None), 202),
    ],
)
def test_requests_are_checked_as_the_cloud_run_recipe_checks_them(body: dict[str, Any], status: int) -> None:
    world = World()
    assert world.call(body).status == status
    assert len(world.cluster.started) == (status == 202)
    if status == 202:
        assert world.cluster.started[0].get("DATA_VERSION") == (
            str(body["dataVersion"]) if body.get("dataVersion") else None
        )


def test_a_body_of_a_megabyte_is_refused() -> None:
    assert World().call(b" " * 2**20).status == 413


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"query": {}}, 401),
        ({"query": {"token": "wrong"}}, 401),
        ({"query": {"token": ""}}, 401),
        ({"query": {"token": "ü"}}, 401),
        ({"path": f"/pred/{MODEL}/wrong", "query": {"token": TOKEN}}, 401),
        ({"path": "/pred/5f0c8a31-0000-4f5b-9a35-0d1f6f1b7c01"}, 404),
        ({"path": "/"}, 404),
        ({"path": "/pred"}, 404),
        ({"path": f"/pred/{MODEL}/{TOKEN}/more"}, 404),
        ({"path": "/other"}, 404),
        ({"method": "GET"}, 405),
        ({"method": "PUT"}, 405),
    ],
)
def test_requests_that_are_not_numerais_start_nothing(changes: dict[str, Any], status: int) -> None:
    world = World()
    assert (world.call(**changes).status, world.cluster.started) == (status, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"path": f"/pred/{MODEL}/{TOKEN}", "query": {}},
        {"query": {}, "headers": {"x-trigger-token": TOKEN}},
        {"path": f"/pred/{MODEL.upper()}"},
        {"path": f"/pred/{MODEL}/"},
    ],
)
def test_the_token_may_come_as_query_path_or_header(changes: dict[str, Any]) -> None:
    assert World().call(**changes).status == 202


def test_a_scheduled_run_has_an_id_of_its_tick_and_no_trigger_id() -> None:
    world = World()
    ticks = ["2026-01-02T13:05:00Z", "2026-01-02T13:05:00Z", "2026-01-03T13:05:00Z"]
    answers = [world.run_schedule(tick) for tick in ticks]
    assert [answer.status for answer in answers] == [202, 200, 202]
    assert len(world.cluster.started) == 2
    for env in world.cluster.started:
        assert "TRIGGER_ID" not in env
        assert env["RUN_ID"].startswith("schedule-")


def test_a_schedule_over_http_takes_its_tick_from_the_schedulers_header() -> None:
    world = World()
    headers = {"x-cloudscheduler-scheduletime": "2026-01-02T13:05:00Z"}
    answers = [world.call(b"", path=f"/schedule/{MODEL}", headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 200]
    assert world.call(b"", path=f"/schedule/{MODEL}", query={}).status == 401
