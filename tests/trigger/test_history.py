"""POST /rounds: what the claims and marks say about nodes' rounds."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import pytest

from trigger.calls import Request, Response
from trigger.core import Trigger
from trigger.starts import StartError
from trigger.table import Row

MODEL, TOKEN = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "a-token-that-nobody-guesses"
ROW = Row(MODEL, "alpha", hashlib.sha256(TOKEN.encode()).hexdigest(), "job-of-alpha", "queue")
FIRST = "99361e43-0000-4000-8000-73c29c720001"


class Region:
    """A trigger with its table, its claims and its cluster."""

    def __init__(self) -> None:
        self.row, self.objects, self.full = ROW, dict[str, bytes](), False
        self.lines: list[dict[str, Any]] = []
        self.trigger = Trigger(self, self, log=lambda line: self.lines.append(json.loads(line)))

    def read_rows(self) -> list[Row]:
        return [self.row]

    def create(self, key: str, body: bytes) -> bool:
        return self.objects.setdefault(key, body) is body

    def list(self, prefix: str) -> list[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    def read(self, key: str) -> bytes:
        return self.objects[key]

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        if self.full:
            raise StartError("no capacity")
        return "job-1"

    def find(self, row: Row, run_id: str) -> str | None:
        return None

    def call(self, trigger_id: str = FIRST, round_number: object = 371) -> Response:
        body = json.dumps({"roundNumber": round_number, "triggerId": trigger_id}).encode()
        return self.trigger.answer(Request("POST", f"/pred/{MODEL}", {"token": TOKEN}, {}, body))

    def ask(self, token: str = TOKEN, **options: Any) -> Response:
        body = json.dumps({"nodes": [[MODEL, token]], **options}).encode()
        return self.trigger.answer(Request("POST", "/rounds", {}, {}, body))

    def rounds(self, **options: Any) -> dict[str, dict[str, Any]]:
        answer = self.ask(**options)
        assert answer.status == 200, answer
        (node,) = answer.body["nodes"]
        assert node["node"] == "alpha"
        return dict(node["rounds"])


def test_a_round_is_reported_with_its_claims_and_marks() -> None:
    region = Region()
    region.call()
    region.trigger.claims.create(f"alpha/round-371/{FIRST}.ended", {"state": "failed"})
    region.trigger.start_round(ROW, 371, 2)
    region.trigger.claims.create("alpha/round-371/submitted", {"at": 1.0, "late": False})
    (records,) = region.rounds().values()
    assert set(records) == {"1.claim", "2.claim", f"{FIRST}.ended", "submitted"}
    assert (records["1.claim"]["run"], records["2.claim"]["run"]) == (FIRST, "watch-371-2")
    assert (records[f"{FIRST}.ended"]["state"], records["submitted"]["late"]) == ("failed", False)


def test_a_start_that_failed_is_reported_with_its_reason() -> None:
    region = Region()
    region.full = True
    region.call()
    assert region.rounds()["371"][f"{FIRST}.failed"]["reason"] == "no capacity"
    region.full = False
    region.call()
    assert f"{FIRST}.failed" not in region.rounds()["371"], "the second attempt started the job"


def test_the_last_rounds_come_in_their_order_without_other_claims() -> None:
    region = Region()
    region.call(round_number="test")
    region.trigger.claims.create("alpha/round-that-is-no-number/1.claim", {"at": 1.0})
    for number in (99, 1000, 371):
        region.trigger.claims.create(f"alpha/round-{number}/missed", {"at": 1.0})
    region.trigger.claims.create("alphabet/round-5/missed", {"at": 1.0})
    assert list(region.rounds()) == ["99", "371", "1000"]
    assert list(region.rounds(last=2)) == ["371", "1000"]
    assert list(region.rounds(last=10**9)) == ["99", "371", "1000"]
    assert list(region.rounds(last=-1)) == ["1000"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_the_rounds_need_the_token(token: str) -> None:
    answer = Region().ask(token)
    reason = "the token is missing or wrong; the stack's output `webhooks` has the right URL"
    assert (answer.status, answer.body) == (401, {"status": "refused", "reason": reason})


def test_one_call_reports_the_nodes_of_the_region_in_the_order_of_the_question() -> None:
    region = Region()
    other = "0b7f3c52-8f0e-4f57-b6a0-2b1a5d0f9c02"
    rows = [ROW, ROW._replace(model_id=other, node="beta")]
    region.read_rows = lambda: rows  # type: ignore[method-assign]
    region.trigger.claims.create("beta/round-371/missed", {"at": 1.0})
    nodes = [[other, TOKEN], [MODEL, "wrong"], ["unknown", TOKEN], [MODEL, TOKEN]]
    answer = region.ask(nodes=nodes)
    assert [node.get("node") for node in answer.body["nodes"]] == ["beta", None, None, "alpha"]
    assert list(answer.body["nodes"][0]["rounds"]) == ["371"]
    assert answer.body["nodes"][2] == {"reason": "no node of this region has this model"}


@pytest.mark.parametrize(
    "options",
    [{"nodes": None}, {"nodes": []}, {"nodes": [MODEL]}, {"nodes": [[MODEL]]}, {"last": "x"}, {"last": math.inf}],
)
def test_a_question_in_another_form_is_refused(options: dict[str, Any]) -> None:
    answer = Region().ask(**options)
    assert answer.status == 400, answer
    assert "expected `nodes`" in answer.body["reason"]


def test_a_disabled_node_has_a_history() -> None:
    region = Region()
    region.row = ROW._replace(enabled="no")
    region.trigger.claims.create("alpha/round-371/missed", {"at": 1.0})
    assert list(region.rounds()) == ["371"]


def test_queries_do_not_appear_among_the_node_s_calls() -> None:
    region = Region()
    assert region.rounds() == {}
    assert (region.lines[-1]["node"], region.lines[-1]["route"], region.lines[-1]["http"]) == ("", "rounds", 200)
