"""docs/how-to/alerts.md: the events and the document are what the trigger sends."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable

import pytest

from pnodes.engine.paths import ROOT
from tests.trigger.told import TOLD, Told
from trigger.alert_channels import Alert, write_document
from trigger.alerts import EVENTS
from trigger.calls import Request
from trigger.job_runs import FAILED, SUCCEEDED
from trigger.numerai_api import KeysRefused

PAGE = ROOT / "docs" / "how-to" / "alerts.md"
WHEN = {
    "failed": "A run of the round has failed, or its job could not be started.",
    "at-risk": "There is no submission, and the repeats are used up, or the round closes within 15 minutes.",
    "missed": "The round has closed without a submission, or the submission came later.",
    "rescued": "The node's rescue has submitted, because its own cloud did not in time.",
    "recovered": "There is a submission after one of the first two messages.",
    "limit": "A run has taken more than 80 % of the node's `timeout`.",
    "keys-refused": "Numerai does not accept the account's API keys for reading submissions.",
    "calls-refused": "A call of the node's webhook had a wrong token or body; once a day.",
    "test": "`pnodes alerts test`",
}


def fail(world: Told) -> None:
    world.call()
    world.cluster.runs[-1] = world.cluster.runs[-1]._replace(reason="Essential container in task exited")
    world.clock += 200
    world.cluster.end(FAILED, True)
    world.look(5)


def recover(world: Told) -> None:
    fail(world)
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = world.clock
    world.look(10)


def lose(world: Told) -> None:
    fail(world)
    world.cluster.end(FAILED, True)
    world.look(10)
    world.look(61)


def take_long(world: Told) -> None:
    world.call()
    world.clock += 3300
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = world.clock
    world.look(56)


def refuse_keys(world: Told) -> None:
    world.numerai.error = KeysRefused("Numerai refused the API keys (401)")
    world.call()
    world.cluster.end(SUCCEEDED)
    world.look(5)


def refuse_calls(world: Told) -> None:
    world.trigger.answer(Request("POST", f"/pred/{TOLD.model_id}", {"token": "wrong"}, {}, b"{}"))
    world.look(1)


def rescue(world: Told) -> None:
    world.store.rows = [TOLD._replace(primary="alpha", node="alpha-rescue")]
    world.look(30)
    world.cluster.end(SUCCEEDED)
    world.numerai.submitted = world.clock
    world.look(35)


STORIES: tuple[Callable[[Told], object], ...] = (
    recover,
    lose,
    take_long,
    refuse_keys,
    refuse_calls,
    rescue,
    lambda world: world.alerts.send_test(TOLD),
)


@pytest.fixture
def alerts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Alert]:
    """Return an alert of each event, as the trigger sends it."""
    sent: dict[str, Alert] = {}
    for story in STORIES:
        with monkeypatch.context() as patch:
            world = Told(patch)
            story(world)
            sent = {**{alert.event: alert for alert in world.sent}, **sent}
    return sent


def test_the_page_shows_each_event(alerts: dict[str, Alert]) -> None:
    assert set(alerts) == set(EVENTS) == set(WHEN)
    rows = [f"| {event} | {WHEN[event]} | {alerts[event].title}<br>{alerts[event].reason} |" for event in EVENTS]
    table = "\n".join(["| event | when | example |", "| --- | --- | --- |", *rows])
    document = json.dumps(write_document(alerts["failed"], "alerts.example.com"), indent=2)
    page = PAGE.read_text(encoding="utf-8")
    updated = re.sub(r"(<!-- events -->\n)(\|.*\n)*", lambda match: f"{match[1]}{table}\n", page)
    updated = re.sub(
        r"(<!-- document -->\n```json\n).*?```", lambda match: f"{match[1]}{document}\n```", updated, flags=re.DOTALL
    )
    if os.environ.get("PNODES_REWRITE_PAGES"):
        PAGE.write_text(updated, encoding="utf-8")
        return
    assert page == updated, f"{PAGE.name} is outdated; set PNODES_REWRITE_PAGES=1 to update it"
