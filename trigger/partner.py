"""A node and its rescue in another cloud or region: before the watch of one starts a run, it asks the other's trigger.

The trigger that is asked says whether its side has submitted or has a run in progress. If neither, it creates the
round's next claim in its own store for the one that asks. So its own watch and a late webhook find the claim, and the
two sides never start a run at the same moment while they can reach each other. No answer is no reason to wait: a
rescue is for a cloud that is down.

The question is POST /partner/MODEL/ROUND with the number of the claim that would start a run. It is signed with the
Numerai secret of the node's account, which both triggers may read; no table and no address has it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trigger.calls import MAX_BODY_BYTES, Request, Response
from trigger.claims import LEASE_SECONDS, PARTNER_RUN, name_round
from trigger.core import Trigger
from trigger.http_call import Answer, call_until_answered
from trigger.job_runs import RUNNING, SETTLE_SECONDS, STOPPED, SUCCEEDED, Runs, find_usual_seconds
from trigger.numerai_api import Keys
from trigger.starts import StartError
from trigger.table import Row, StoreError

CLEAR, SUBMITTED = "clear", "submitted"
"""Answers besides the states of runs: the one that asks has the round's claim, or there is a submission."""
PASS_SECONDS = 300
"""The time between two passes of the watch (`providers.component.WATCH_MINUTES`)."""
# Assumed for a run while none has ended well yet.
_USUAL_SECONDS = 900.0
# A run seems to hang if it takes so many times its usual time, and no time is left for so many runs.
_LATE = ((1.15, 1), (1.5, 2))
# The trigger that is asked may repeat calls.
_ANSWER_SECONDS = 10.0
# How far the clocks of two clouds may differ, in minutes.
_SKEW = 2
# A flood of wrong questions must not read the secret store each time.
_KEY_SECONDS = 60
_PROOF = "x-partner-proof"


class Report(NamedTuple):
    """What the partner says: its state, since when its run goes on or its submission is there, and its usual time."""

    state: str
    at: float | None = None
    usual: float | None = None


Send = Callable[[str, str, Mapping[str, str], bytes], Answer]


def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Call a partner's trigger. Raises OSError."""
    return call_until_answered(method, url, headers, body, _ANSWER_SECONDS)


class Partners:
    """The triggers of partners during one pass. One that did not answer is not asked again; safe to use in threads."""

    def __init__(self, now: float, send: Send = send) -> None:
        self._now, self._send = now, send
        self._silent: set[str] = set()

    def ask(self, row: Row, number: int, claim: str, keys: Keys) -> Report | None:
        """Ask whether a run may start. None if the partner gives no answer that can be used."""
        if not row.partner or row.partner in self._silent:
            return None
        url = f"{row.partner.rstrip('/')}/partner/{row.model_id}/{number}"
        proof = sign(keys, row.model_id, str(number), claim, int(self._now // 60))
        headers = {"Content-Type": "application/json", _PROOF: proof}
        try:
            answer = self._send("POST", url, headers, json.dumps({"claim": claim}).encode())
        except OSError:
            self._silent.add(row.partner)
            return None
        if answer.status >= 500:
            self._silent.add(row.partner)
        try:
            report = Report(**json.loads(answer.body)) if answer.status == 200 else None
        except (ValueError, TypeError):
            return None
        return report if report and report.state in (CLEAR, RUNNING, STOPPED, SUBMITTED, SUCCEEDED) else None


def hangs(report: Report, now: float, closes: float, usual: float | None) -> bool:
    """Whether the partner's run takes longer than usual, and time is short."""
    usual = usual or report.usual or _USUAL_SECONDS
    since = now if report.at is None else report.at
    left = (closes - now - 60) / (usual + PASS_SECONDS)
    return any(now - since > times * usual and left < runs for times, runs in _LATE)


def sign(keys: Keys, model_id: str, number: str, claim: str, minute: int) -> str:
    """Return the proof that the one that asks holds the account's keys."""
    text = f"{model_id.lower()}\n{number}\n{claim}\n{minute}"
    return hmac.new(keys.secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Desk:
    """Answers the questions of partners."""

    def __init__(
        self, trigger: Trigger, runs: Runs, read_keys: Callable[[str], Keys], now: Callable[[], float]
    ) -> None:
        self._trigger, self._runs, self._read_keys, self._now = trigger, runs, read_keys, now
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[Keys, float]] = {}

    def answer(self, request: Request) -> Response:
        """Answer a question and log it as one line. 4xx: the request is refused. 503: try again."""
        try:
            response = self._answer(request)
        except (StoreError, StartError) as error:
            response = Response(503, {"status": "failed", "reason": str(error)})
        status, reason = response.body.get("state") or response.body["status"], response.body.get("reason") or ""
        line = {"node": "", "route": "partner", "http": response.status, "status": status}
        self._trigger.note({**line, "reason": reason} if reason else line)
        return response

    def _answer(self, request: Request) -> Response:
        parts = [part for part in request.path.split("/") if part]
        if request.method != "POST" or len(parts) != 3 or not parts[2].isdecimal() or len(parts[2]) > 9:
            return _refuse(404, "expected POST /partner/<model id>/<round>")
        rows = (row for row in self._trigger.list_rows() if row.model_id.lower() == parts[1].lower())
        row = next((row for row in rows if row.partner and row.keys), None)
        if row is None:
            return _refuse(404, "no node of this region with this model has a partner")
        claim = _read_claim(request.body)
        if not claim:
            return _refuse(400, "expected the number of a claim")
        if not self._is_signed(request.headers.get(_PROOF, ""), row, parts[2], claim):
            return _refuse(401, "the proof is missing, wrong or old")
        return Response(200, judge(row, int(parts[2]), claim, self._trigger, self._runs, self._now())._asdict())

    def _is_signed(self, proof: str, row: Row, number: str, claim: str) -> bool:
        keys, minute = self._remember_keys(row.keys), int(self._now() // 60)
        proofs = [sign(keys, row.model_id, number, claim, minute + skew) for skew in range(-_SKEW, _SKEW + 1)]
        return any(hmac.compare_digest(valid.encode(), proof.encode(errors="replace")) for valid in proofs)

    def _remember_keys(self, reference: str) -> Keys:
        with self._lock:
            keys, until = self._keys.get(reference, (None, 0.0))
            if keys is None or self._now() >= until:
                keys = self._read_keys(reference)
                self._keys[reference] = keys, self._now() + _KEY_SECONDS
            return keys


def judge(row: Row, number: int, asked: str, trigger: Trigger, runs: Runs, now: float) -> Report:
    """Return this side's state of a round. If nothing is in progress, creates the next claim for the one that asks.

    `asked` is the number of that one's own claim.
    Raises StoreError and StartError.
    """
    folder = name_round(row.node, number)
    names = trigger.claims.list_names(folder)
    if "submitted" in names:
        return Report(SUBMITTED, trigger.claims.read(f"{folder}submitted")["at"])
    claims, known = trigger.claims.read_round(folder, names), runs.list_runs(row)
    usual, last = find_usual_seconds(known), max(claims, default=0)
    holder, claim = f"{PARTNER_RUN}{number}-{asked}", claims.get(last, {"run": "", "at": 0.0})
    if claim["run"] == holder:  # the answer to the first question was lost
        return Report(CLEAR, usual=usual)
    started = {run.run_id: run for run in known}
    # A start may be under way, and the list of runs may lag behind.
    starting = claim["run"] not in started and now - claim["at"] < LEASE_SECONDS
    # The next pass finds out whether a run that has just ended has submitted.
    own = [started[each["run"]] for each in claims.values() if each["run"] in started]
    settles = any(run.state == SUCCEEDED and now - (run.ended or now) < SETTLE_SECONDS + PASS_SECONDS for run in own)
    running = [run.created for run in known if run.state == RUNNING]
    if starting or running:
        return Report(RUNNING, max(running, default=None), usual)
    if settles:
        return Report(SUCCEEDED)
    if own and max(own, key=lambda run: run.created).state == STOPPED:  # by a person, who knows why
        return Report(STOPPED)
    claimed = trigger.claims.claim_round(folder, last + 1, holder)
    return Report(CLEAR if claimed else RUNNING, usual=usual)


def _refuse(status: int, reason: str) -> Response:
    return Response(status, {"status": "refused", "reason": reason})


def _read_claim(body: bytes) -> str:
    try:
        claim: Any = json.loads(body)["claim"] if len(body) <= MAX_BODY_BYTES else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return claim if isinstance(claim, str) and claim.isascii() and claim.isdecimal() and len(claim) <= 9 else ""
