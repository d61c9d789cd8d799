"""A node's last rounds, as its trigger has recorded them: who started a run, how it ended, and whether it submitted.

The records are the claims and marks in the region's object storage (`trigger/watch.py`), which its trigger returns to
those who have the node's token. They are deleted after 95 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import httpx

from pnodes.deployed.stack import StackNode
from pnodes.deployed.start import read_answer
from pnodes.wording import duration, moment
from providers import webhook_url
from providers.operations import UNREACHED, OperationsError, Refused
from trigger.claims import PARTNER_RUN, SCHEDULE_RUN, WATCH_RUN

_TIMEOUT = 60


class Outcome(StrEnum):
    """What became of a round. A round is open until the watch has recorded its end."""

    SUBMITTED = "submitted"
    RESCUED = "rescued"
    LATE = "late"
    MISSED = "missed"
    OPEN = "open"


IN_TIME = (Outcome.SUBMITTED, Outcome.RESCUED)


@dataclass(frozen=True)
class EndedRun:
    """A run of a round that has ended; `state` is succeeded, failed or stopped."""

    id: str
    state: str
    reason: str
    created: datetime
    seconds: float | None


@dataclass(frozen=True)
class SentAlert:
    """A message that a channel has accepted."""

    at: datetime
    channel: str
    title: str


@dataclass(frozen=True)
class RoundRecord:
    """One round of a node. `called` is when a run was first requested, `ended` when it submitted or was missed."""

    number: int
    outcome: Outcome
    called: datetime | None
    started_by: str
    """webhook, watch, schedule (or a person), or empty if no run was requested"""
    repeats: int
    runs: tuple[EndedRun, ...]
    ended: datetime | None
    reason: str
    """Why the round was missed, late or rescued; empty if it was none of them."""
    setback: str = ""
    """Why no run of this node has submitted, as far as its own records say"""
    in_progress: bool = False
    """Whether the last start has neither ended nor failed, as far as its own records say"""
    alerts: tuple[SentAlert, ...] = ()
    """What the node's alerts have said about the round, oldest first."""

    @property
    def at(self) -> datetime | None:
        """When the round was."""
        return self.called or self.ended


def fetch_rounds(nodes: Sequence[StackNode], last: int | None = None) -> dict[str, list[RoundRecord] | OperationsError]:
    """Return the rounds of nodes of one region, or only the last ones, newest first, by the node's name.

    Sends one request. Raises OperationsError if the region's trigger does not answer.
    """
    # The tokens go into the body, so that no access log contains them.
    address = webhook_url.build_trigger_url(nodes[0].webhook, "/rounds")
    body = {"nodes": [[node.model_id, webhook_url.read_token(node.webhook)] for node in nodes], "last": last}
    try:
        answer = httpx.post(address, json=body, timeout=_TIMEOUT)
    except httpx.HTTPError as error:
        raise OperationsError(f"The node's trigger did not answer ({type(error).__name__}). {UNREACHED}") from error
    document = read_answer(answer)
    if answer.is_success and isinstance(document.get("nodes"), list):
        return {node.name: _read_rounds(entry) for node, entry in zip(nodes, document["nodes"], strict=True)}
    reason = str(document.get("reason") or "")
    if answer.status_code == 404 and reason.startswith("expected POST"):
        raise OperationsError("The node's trigger was deployed by an earlier version. Run `pulumi up` once.")
    code = str(answer.status_code)
    raise Refused(f"The node's trigger refused the query: HTTP {code}{': ' + reason if reason else ''}.", code)


def _read_rounds(entry: Mapping[str, Any]) -> list[RoundRecord] | OperationsError:
    if "rounds" not in entry:
        return OperationsError(f"The node's trigger refused the query: {entry.get('reason')}.")
    rounds = [read_round(int(number), records) for number, records in entry["rounds"].items()]
    return sorted(rounds, key=lambda round_: round_.number, reverse=True)


def fetch_history(node: StackNode, last: int | None = None) -> tuple[list[RoundRecord], OperationsError | None]:
    """Return the rounds of a node and its rescue together, newest first, and the error of a trigger without an answer.

    If the node's cloud is down, its rescue still has a record.
    """
    answers: list[list[RoundRecord] | None] = []
    problem: OperationsError | None = None
    for each in (node, node.rescue):
        try:
            answer = fetch_rounds([each], last)[each.name] if each else []
        except OperationsError as error:
            answer = error
        answers.append(None if isinstance(answer, OperationsError) else answer)
        if isinstance(answer, OperationsError) and not problem:
            problem = answer if each is node else OperationsError(f"its rescue: {answer}")
    return merge_rounds(*answers), problem


def merge_rounds(own: list[RoundRecord] | None, rescues: list[RoundRecord] | None) -> list[RoundRecord]:
    """Join the records of a node and of its rescue, newest first; None if a trigger did not answer."""
    by_number = {round_.number: round_ for round_ in own or []}
    unknown = "its trigger does not answer" if own is None else "it has no record of the round"
    for rescue in rescues or []:
        round_ = by_number.get(rescue.number)
        rescued = rescue.outcome is Outcome.RESCUED
        reason = (round_.setback if round_ else unknown) if rescued else rescue.reason
        if round_ is None:
            by_number[rescue.number] = replace(rescue, reason=reason)
        elif rescued or (round_.outcome is Outcome.OPEN and rescue.outcome is not Outcome.OPEN):
            by_number[rescue.number] = replace(
                round_,
                outcome=rescue.outcome,
                called=round_.called or rescue.called,
                started_by=round_.started_by or rescue.started_by,
                repeats=round_.repeats + rescue.repeats,
                runs=(*round_.runs, *rescue.runs),
                ended=rescue.ended,
                reason=reason,
                in_progress=round_.in_progress and rescue.outcome is Outcome.OPEN,
                alerts=(*round_.alerts, *rescue.alerts),
            )
    return sorted(by_number.values(), key=lambda round_: round_.number, reverse=True)


def read_round(number: int, records: Mapping[str, Mapping[str, Any]]) -> RoundRecord:
    """Interpret the claims and marks of a round."""
    claims = [records[name] for name in sorted(filter(_number_claim, records), key=_number_claim)]
    # The partner's runs are in its own records.
    claims = [claim for claim in claims if not str(claim.get("run")).startswith(PARTNER_RUN)]
    claimed = {str(claim.get("run")) for claim in claims}
    ended = (_read_run(name, record) for name, record in records.items() if name.endswith(".ended"))
    # Schedules claim no rounds. Other runs without a claim are tests, or of the round before.
    runs = [run for run in ended if run.id in claimed or run.id.startswith(SCHEDULE_RUN)]
    runs.sort(key=lambda run: run.created)
    starts = [(str(claim.get("run")), float(claim.get("at") or 0)) for claim in claims]
    starts += [(run.id, run.created.timestamp()) for run in runs if run.id not in claimed]
    starts.sort(key=lambda start: start[1])
    submitted, missed = records.get("submitted"), records.get("missed")
    if submitted is not None:
        in_time = Outcome.RESCUED if submitted.get("rescued") else Outcome.SUBMITTED
        outcome = Outcome.LATE if submitted.get("late") else in_time
    else:
        outcome = Outcome.OPEN if missed is None else Outcome.MISSED
    reason, setback = "", _explain_missed(claims, runs, records)
    if outcome is Outcome.MISSED:
        reason = setback
    elif outcome is Outcome.LATE and runs:
        reason = f"the run took {duration(runs[-1].seconds)}"
    end = submitted or missed
    last = str(claims[-1].get("run")) if claims else ""
    return RoundRecord(
        number=number,
        outcome=outcome,
        called=datetime.fromtimestamp(starts[0][1], UTC) if starts else None,
        started_by=_name_starter(starts[0][0]) if starts else "",
        repeats=max(0, len({run for run, _ in starts}) - 1),
        runs=tuple(runs),
        ended=_read_time(end) if end else None,
        reason=reason,
        setback=setback,
        in_progress=bool(last) and not end and not {f"{last}.ended", f"{last}.failed"} & records.keys(),
        alerts=tuple(sorted(_read_alerts(records), key=lambda alert: alert.at)),
    )


def _read_alerts(records: Mapping[str, Mapping[str, Any]]) -> Iterator[SentAlert]:
    for name, record in records.items():
        if name.startswith("alert-"):
            at = datetime.fromtimestamp(record.get("at") or 0, UTC)
            yield SentAlert(at, name.partition(".")[2], str(record.get("title") or ""))


def rate_availability(rounds: Sequence[RoundRecord]) -> float | None:
    """Return the percentage of the ended rounds whose submission was in time; None if no round has ended."""
    in_time, ended = _count_in_time(rounds)
    return 100 * in_time / ended if ended else None


def describe_availability(rounds: Sequence[RoundRecord]) -> str:
    """Return 3 of 4 rounds in time, 75 %."""
    availability = rate_availability(rounds)
    if availability is None:
        return "no round has a result yet" if rounds else "no round yet"
    in_time, ended = _count_in_time(rounds)
    return f"{in_time} of {ended} rounds in time, {availability:.4g} %"


def _count_in_time(rounds: Sequence[RoundRecord]) -> tuple[int, int]:
    """Return how many rounds were submitted in time, and how many have ended."""
    ended = [round_.outcome for round_ in rounds if round_.outcome is not Outcome.OPEN]
    return sum(outcome in IN_TIME for outcome in ended), len(ended)


def describe_result(round_: RoundRecord) -> str:
    """Return submitted 22 Nov 12:00, or another outcome with its reason."""
    result = "none yet" if round_.outcome is Outcome.OPEN else str(round_.outcome)
    if round_.outcome in (*IN_TIME, Outcome.LATE):
        result += f" {moment(round_.ended)}"
    return f"{result}: {round_.reason}" if round_.reason else result


def _explain_missed(
    claims: Sequence[Mapping[str, Any]], runs: Sequence[EndedRun], records: Mapping[str, Mapping[str, Any]]
) -> str:
    last = str(claims[-1].get("run")) if claims else ""
    if f"{last}.failed" in records:
        return f"the job could not be started: {records[f'{last}.failed'].get('reason')}"
    if last and f"{last}.ended" not in records:
        return "the run did not end in time"
    if not runs:
        return "no run was started"
    if runs[-1].state == "failed":
        return f"the run failed: {runs[-1].reason or 'the cloud gives no reason'}"
    return "the run was stopped" if runs[-1].state == "stopped" else "the run ended without a submission"


def _number_claim(name: str) -> int:
    number = name.removesuffix(".claim")
    return int(number) if number != name and number.isdecimal() else 0


def _read_run(name: str, record: Mapping[str, Any]) -> EndedRun:
    created, ended = record.get("created"), record.get("ended")
    return EndedRun(
        id=name.removesuffix(".ended"),
        state=str(record.get("state") or ""),
        reason=str(record.get("reason") or ""),
        created=datetime.fromtimestamp(created or 0, UTC),
        seconds=ended - created if ended and created else None,
    )


def _name_starter(run: str) -> str:
    return "watch" if run.startswith(WATCH_RUN) else "schedule" if run.startswith(SCHEDULE_RUN) else "webhook"


def _read_time(record: Mapping[str, Any]) -> datetime | None:
    at = record.get("at")
    return None if at is None else datetime.fromtimestamp(at, UTC)
