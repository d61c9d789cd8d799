"""Each event of a round is told once, and again until it was told; nothing waits for a message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.trigger.region import ROW
from tests.trigger.told import ADDRESS, TOLD, Told
from tests.trigger.watched import CLOSES, OPENS, WATCHED
from trigger import alerts
from trigger.alert_channels import Alert
from trigger.alerts import Settings
from trigger.calls import Request
from trigger.job_runs import FAILED, STOPPED, SUCCEEDED, JobRun
from trigger.numerai_api import KeysRefused, NumeraiError
from trigger.starts import StartError
from trigger.watch import Watch


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def test_a_round_that_goes_well_is_not_told(world: Told) -> None:
    world.call()
    world.look(5)
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = OPENS + 400
    assert world.look(10) == {"submitted": 1}
    assert world.events == []


def test_a_run_that_fails_is_told_once_with_reason_log_and_link_and_then_its_recovery(world: Told) -> None:
    world.call()
    world.cluster.runs[-1] = world.cluster.runs[-1]._replace(reason="Essential container in task exited")
    world.cluster.end(FAILED, True)
    assert world.look(5) == {"started": 1}
    world.look(6)
    world.restart()
    world.look(7)
    assert world.events == ["failed"]
    alert = world.sent[0]
    assert alert.title == "alpha, round 371: the run failed"
    assert alert.reason == "Essential container in task exited. It was started again."
    assert alert.log == ("Traceback", "ValueError: no data")
    assert alert.link == "https://console.example.com/job-1"
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = OPENS + 600
    assert world.look(12) == {"submitted": 1}
    world.restart()
    assert world.look(17) == {"done": 1}
    assert world.events == ["failed", "recovered"]


def test_the_job_is_started_again_although_the_message_cannot_be_sent(world: Told) -> None:
    world.fails = "chat.example.com answered 429, and asks to wait 60 s"
    world.call()
    world.cluster.end(FAILED)
    assert world.look(5) == {"started": 1}
    assert world.lines[-1]["reason"] == f"webhook: {world.fails}"
    world.fails = ""
    world.look(10)
    world.look(11)
    assert world.events == ["failed"]


def test_a_message_that_could_not_be_sent_before_the_round_was_over_is_sent_later(world: Told) -> None:
    world.fails = "chat.example.com did not answer (TimeoutError)"
    world.call()
    world.cluster.end(FAILED, True)
    world.look(5)
    world.cluster.end(FAILED, True)
    for minutes in (10, 50, 61):
        world.look(minutes)
    world.fails = ""
    world.restart()
    assert world.look(66) == {"done": 1}
    assert world.events == ["failed", "missed"]
    assert world.look(71) == {"done": 1}
    assert world.events == ["failed", "missed"]


def test_a_mark_that_could_not_be_written_means_another_message(world: Told) -> None:
    world.call()
    world.cluster.end(FAILED)
    world.store.broken = lambda key: "alert-" in key
    world.look(5)
    world.store.broken = lambda key: False
    world.look(6)
    world.look(7)
    assert world.events == ["failed", "failed"]


def test_a_failing_address_is_called_once_in_a_pass(world: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    world.store.rows = [TOLD, TOLD._replace(model_id=TOLD.model_id[:-1] + "9", node="beta")]
    world.numerai.find_submission = lambda *_: None  # type: ignore[method-assign]
    world.cluster.runs = [JobRun("job-0", "schedule-1", FAILED, OPENS, OPENS + 1)]
    world.fails = "chat.example.com answered 500"
    post = world._post

    def count(address: str, alert: Alert) -> None:
        calls.append(alert.node)
        post(address, alert)

    monkeypatch.setattr(alerts, "post_alert", count)
    world.look(5)
    assert calls == ["alpha"]


def test_a_round_is_at_risk_when_the_repeats_are_used_up_and_then_missed(world: Told) -> None:
    world.call()
    world.cluster.end(FAILED, True)
    world.look(5)
    world.cluster.end(FAILED, True)
    assert world.look(10) == {"failed": 1}
    assert world.events == ["failed", "at-risk"]
    assert "not repeated again" in world.sent[-1].reason
    world.look(15)
    world.look(61)
    assert world.events == ["failed", "at-risk", "missed"]


@pytest.mark.parametrize(("minutes", "events"), [(40, []), (46, ["at-risk"])])
def test_a_round_is_at_risk_when_time_is_running_out(world: Told, minutes: float, events: list[str]) -> None:
    world.call()
    world.look(minutes)
    assert world.events == events


def test_a_round_is_at_risk_while_nothing_can_be_learnt(world: Told) -> None:
    world.numerai.error = NumeraiError("Numerai did not answer")
    world.look(50)
    assert world.events == ["at-risk"]
    assert "Numerai did not answer" in world.sent[0].reason


def test_a_run_that_a_person_stopped_is_told_only_when_the_round_is_missed(world: Told) -> None:
    world.call()
    world.cluster.end(STOPPED)
    world.look(50)
    assert world.events == []
    world.look(61)
    assert world.events == ["missed"]
    assert world.sent[0].reason == "The last run was stopped."


def test_a_job_that_cannot_be_started_is_told(world: Told) -> None:
    world.cluster.start = _refuse  # type: ignore[assignment]
    world.look(15)
    assert world.events == ["failed"]
    assert world.sent[0].reason == "The job could not be started: no capacity"


def _refuse(*_: object) -> str:
    raise StartError("no capacity")


def test_a_late_submission_is_a_missed_round(world: Told) -> None:
    world.call()
    world.look(59)
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = CLOSES + 60
    world.look(65)
    assert world.events == ["at-risk", "limit", "missed"]
    assert "after the round had closed" in world.sent[-1].reason


def test_a_run_that_uses_most_of_its_time_is_told(world: Told) -> None:
    world.store.rows = [TOLD._replace(alerts="600 webhook=addresses#chat")]
    world.call()
    world.clock += 500
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = OPENS + 480
    world.look(10)
    assert world.events == ["limit"]
    assert world.sent[0].reason.startswith("It took 8 of 10 minutes")


def test_a_waiting_time_is_not_counted_as_running(world: Told) -> None:
    world.store.rows = [TOLD._replace(alerts="600 webhook=addresses#chat")]
    world.call()
    world.clock += 500
    world.cluster.end(SUCCEEDED)
    world.cluster.runs[-1] = world.cluster.runs[-1]._replace(started=OPENS + 300)
    world.numerai.submitted = OPENS + 480
    world.look(10)
    assert world.events == []


def test_keys_that_numerai_refuses_are_told_once_per_round(world: Told) -> None:
    world.numerai.error = KeysRefused("Numerai refused the API keys (401)")
    world.call()
    world.cluster.end(SUCCEEDED)
    world.look(15)
    world.restart()
    world.look(20)
    assert world.events == ["keys-refused"]


def test_a_rescue_is_told(world: Told) -> None:
    world.store.rows = [TOLD._replace(primary="beta")]
    world.look(15)
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = OPENS + 15 * 60
    assert world.look(20) == {"rescued": 1}
    assert world.events == ["rescued"]


def refuse(world: Told, token: str = "wrong", body: bytes = b"{}") -> int:
    return world.trigger.answer(Request("POST", f"/pred/{ROW.model_id}", {"token": token}, {}, body)).status


def test_refused_calls_are_told_once_a_day_whatever_their_number(world: Told) -> None:
    for _ in range(1000):
        assert refuse(world) == 401
    assert [key for key in world.store.objects if "_refused" in key] == ["alpha/_refused/1970-01-12.seen"]
    world.look(5)
    world.look(10)
    assert world.events == ["calls-refused"]
    assert "HTTP 401" in world.sent[0].reason
    assert world.sent[0].title == "alpha: the trigger refuses calls"


def test_calls_of_a_node_without_alerts_or_of_nobody_leave_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Told(monkeypatch, WATCHED)
    refuse(world)
    world.trigger.answer(Request("POST", "/pred/00000000-0000-4000-8000-000000000000", {"token": "wrong"}, {}, b"{}"))
    world.store.rows = [TOLD._replace(enabled="no")]
    assert not [key for key in world.store.objects if "_refused" in key]


def test_a_node_without_alerts_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Told(monkeypatch, WATCHED)
    world.watch = Watch(
        world.trigger, world.cluster, world.numerai, world.read_keys, lambda: world.clock, open_alerts=_never
    )
    world.call()
    world.cluster.end(FAILED)
    assert world.look(5) == {"started": 1}


def _never() -> Any:
    raise AssertionError("the alerts were opened")


def test_a_log_that_cannot_be_read_does_not_keep_the_message(world: Told) -> None:
    world.evidence.lines = []
    world.call()
    world.cluster.end(FAILED)
    world.look(5)
    assert world.sent[0].log == ("(the log could not be read: 403 not authorized)",)


def test_each_channel_has_a_mark_of_its_own(world: Told) -> None:
    world.store.rows = [TOLD._replace(alerts="3600 webhook=addresses#chat email=topic")]
    world.fails = "chat.example.com answered 404"
    world.call()
    world.cluster.end(FAILED)
    world.look(5)
    assert [(to, alert.event) for to, alert in world.mails] == [("topic", "failed")]
    world.fails = ""
    world.look(6)
    assert (len(world.mails), world.events) == (1, ["failed"])


@pytest.mark.parametrize("open_round", [True, False])
def test_each_pass_that_could_look_at_everything_calls_the_heartbeat(
    monkeypatch: pytest.MonkeyPatch, open_round: bool
) -> None:
    world = Told(monkeypatch, WATCHED, heartbeat="addresses#beat")
    if not open_round:
        world.numerai.round = None
    world.look(5)
    assert world.beats == [f"GET {ADDRESS}"]


def test_a_pass_that_could_not_look_calls_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Told(monkeypatch, TOLD, heartbeat="addresses#beat")
    world.store.broken = lambda key: True
    world.look(5)
    world.store.broken = lambda key: False
    world.numerai.error = NumeraiError("Numerai did not answer")
    world.look(20)
    assert world.beats == []


def test_a_test_message_takes_the_real_way(world: Told) -> None:
    assert world.alerts.send_test(TOLD) == {"webhook": "sent"}
    world.fails = "chat.example.com answered 404"
    assert world.alerts.send_test(TOLD) == {"webhook": "chat.example.com answered 404"}
    assert world.events == ["test"]


def test_settings_are_read_from_the_row() -> None:
    settings = Settings.read("5400 webhook=name#key email=arn:aws:sns:eu-west-1:1:topic")
    assert settings.timeout == 5400
    assert settings.channels == {"webhook": "name#key", "email": "arn:aws:sns:eu-west-1:1:topic"}


def test_no_line_of_the_log_has_an_address(world: Told) -> None:
    world.fails = "chat.example.com answered 500"
    world.call()
    world.cluster.end(FAILED)
    world.look(5)
    assert "hidden" not in json.dumps(world.lines)
