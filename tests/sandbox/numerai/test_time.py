"""Numerai's reactions to time: automatic rounds, closing rounds, repeated webhook calls. The tests set the time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.numerai.app import Numerai
from tests.sandbox.numerai.world import CLASSIC_MODEL, SIGNALS_MODEL, World, client, guesses

URL = "https://hooks.example.com/pred"
LATEST = """
query account { account { models { username tournament latestSubmissions {
  roundNumber roundCloseStaking roundClose roundOpen filename status timestamp
} } } }
"""


@pytest.fixture(autouse=True)
def _time_stands_still(world: World) -> None:
    world.stopped = datetime.now(UTC)


def numbers(numerai: Numerai) -> list[int]:
    return [record["number"] for record in numerai.rounds("classic")]


def passes(world: World, numerai: Numerai, **time: float) -> None:
    """Advance the time, and let Numerai react to it."""
    world.ahead += timedelta(**time)
    numerai.tick()


def latest(api: Any) -> dict[int, str]:
    """Return round -> status of the model's submission, as the API shows it."""
    models = api.raw_query(LATEST, authorization=True)["data"]["account"]["models"]
    (alpha,) = (model for model in models if model["username"] == "alpha_model")
    return {submission["roundNumber"]: submission["status"] for submission in alpha["latestSubmissions"]}


def test_no_round_opens_by_itself_unless_a_clock_is_set(numerai: Numerai, world: World) -> None:
    passes(world, numerai, days=3)
    assert numbers(numerai) == [1000]
    assert numerai.clock() is None


def test_a_clock_opens_rounds_and_calls_webhooks(numerai: Numerai, world: World) -> None:
    numerai.set_webhook(CLASSIC_MODEL, URL)
    numerai.set_clock(timedelta(minutes=10))
    passes(world, numerai, minutes=9, seconds=59)
    assert numbers(numerai) == [1000]
    passes(world, numerai, seconds=1)
    numerai.tick()
    assert numbers(numerai) == [1001, 1000]
    assert [body["roundNumber"] for _, body in world.posted] == [1001]
    passes(world, numerai, minutes=10)
    assert [body["roundNumber"] for _, body in world.posted] == [1001, 1002]
    assert len({body["triggerId"] for _, body in world.posted}) == 2
    first, second = numerai.rounds("classic")[1], numerai.rounds("classic")[0]
    assert (first["status"], second["status"]) == ("RESOLVING", "OPEN"), "one is closed when the next one opens"

    # A sandbox that was stopped overnight opens one round, not fifty, and keeps to its schedule.
    again = world.boot()
    passes(world, again, hours=8, minutes=3)
    assert numbers(again) == [1003, 1002, 1001, 1000]
    passes(world, again, minutes=7)
    assert numbers(again)[0] == 1004
    again.set_clock(None)
    passes(world, again, days=1)
    assert numbers(again)[0] == 1004


def test_a_clock_of_one_tournament_with_its_own_duration(numerai: Numerai, world: World) -> None:
    numerai.set_clock(timedelta(hours=24), "signals", timedelta(minutes=5))
    passes(world, numerai, hours=24)
    assert numbers(numerai) == [1000]
    assert numerai.rounds("signals")[0]["status"] == "OPEN"
    passes(world, numerai, minutes=5)
    assert numerai.rounds("signals")[0]["status"] == "RESOLVING"


@pytest.mark.parametrize("every", [timedelta(), timedelta(seconds=-5), timedelta(seconds=9)])
def test_a_clock_that_would_never_stand_still_is_refused(numerai: Numerai, every: timedelta) -> None:
    with pytest.raises(ValueError, match="at least 10 seconds"):
        numerai.set_clock(every)
    assert numerai.clock() is None


def test_a_round_is_open_for_as_long_as_is_said(numerai: Numerai, world: World) -> None:
    api = client(numerai)
    numerai.open_round(open_for=timedelta(minutes=5))
    assert api.check_round_open()
    world.ahead = timedelta(minutes=5)
    assert api.list_rounds(status="open") == []
    with pytest.raises(ValueError, match="at least 1 second"):
        numerai.open_round(open_for=timedelta())


def test_a_late_submission_is_taken_marked_and_takes_no_ones_place(numerai: Numerai, world: World) -> None:
    api = client(numerai)
    numerai.open_round()
    table = guesses(api)
    in_time = [api.upload_predictions(df=table, model_id=CLASSIC_MODEL) for _ in range(2)]
    world.ahead = timedelta(hours=1)
    late = api.upload_predictions(df=table, model_id=CLASSIC_MODEL)
    assert {record["id"]: record["state"] for record in numerai.submissions()} == {
        in_time[0]: "on-time", in_time[1]: "on-time", late: "late",
    }  # fmt: skip
    shown = api.raw_query(
        "query($modelId: String!) { submissions(modelId: $modelId) { id selected } }",
        {"modelId": CLASSIC_MODEL},
        authorization=True,
    )["data"]["submissions"]
    assert [(item["id"], item["selected"]) for item in shown] == [
        (late, False), (in_time[1], True), (in_time[0], False),
    ]  # fmt: skip
    assert latest(api) == {1001: "on-time", 1000: "none"}

    # A late submission counts if it is the only one of its round.
    numerai.open_round(open_for=timedelta(minutes=1))
    assert latest(api)[1002] == "none"
    world.ahead += timedelta(minutes=2)
    api.upload_predictions(df=guesses(api), model_id=CLASSIC_MODEL)
    assert latest(api)[1002] == "late"


@pytest.mark.parametrize("answer", [(500, 0.1, "boom"), (0, 30.0, "ReadTimeout"), (403, 0.1, "disabled")])
def test_a_call_that_fails_is_made_once_more_with_the_same_trigger_id(
    numerai: Numerai, world: World, answer: tuple[int, float, str]
) -> None:
    numerai.set_webhook(CLASSIC_MODEL, URL)
    numerai.set_webhook(SIGNALS_MODEL, URL + "/signals")
    world.answer = answer
    first = {call["model_id"]: call["trigger_id"] for call in numerai.open_round()["triggers"]}
    passes(world, numerai, seconds=58)
    assert len(world.posted) == 2
    world.answer = (202, 0.1, "started")
    passes(world, numerai, seconds=3)
    numerai.tick()
    assert len(world.posted) == 4
    assert sorted(world.posted[2:], key=str) == sorted(world.posted[:2], key=str)
    assert {call["model_id"]: call["trigger_id"] for call in numerai.triggers()} == first
    assert {(call["status"], call["calls"]) for call in numerai.triggers()} == {(202, 2)}


def test_there_is_no_third_call(numerai: Numerai, world: World) -> None:
    numerai.set_webhook(CLASSIC_MODEL, URL)
    world.answer = (500, 0.1, "boom")
    numerai.open_round()
    for _ in range(3):
        passes(world, numerai, hours=1)
    assert len(world.posted) == 2
    assert numerai.retry_webhooks() == []


def test_a_second_call_on_demand(numerai: Numerai, world: World) -> None:
    numerai.set_webhook(CLASSIC_MODEL, URL)
    world.answer = (500, 0.1, "boom")
    (first,) = numerai.open_round()["triggers"]
    world.answer = (200, 0.1, "already started")
    (second,) = world.boot().retry_webhooks()
    assert (second["trigger_id"], second["status"], second["answer"]) == (first["trigger_id"], 200, "already started")
    passes(world, numerai, hours=1)
    assert len(world.posted) == 2


def test_a_second_call_goes_to_the_webhook_of_then(numerai: Numerai, world: World) -> None:
    numerai.set_webhook(CLASSIC_MODEL, URL)
    numerai.set_webhook(SIGNALS_MODEL, URL)
    world.answer = (0, 30.0, "ConnectError")
    numerai.open_round()
    numerai.set_webhook(CLASSIC_MODEL, URL + "/new")
    numerai.set_webhook(SIGNALS_MODEL, None)
    passes(world, numerai, minutes=1)
    assert [url for url, _ in world.posted[2:]] == [URL + "/new"]


def test_a_call_that_went_well_and_a_test_are_not_repeated(numerai: Numerai, world: World) -> None:
    numerai.set_webhook(CLASSIC_MODEL, URL)
    numerai.open_round()
    world.answer = (500, 0.1, "boom")
    with pytest.raises(ValueError, match="Internal Server Error"):
        client(numerai).raw_query(f'mutation {{ triggerModelWebhook(modelId: "{CLASSIC_MODEL}") }}', authorization=True)
    passes(world, numerai, hours=1)
    assert len(world.posted) == 2
