"""`pnodes status`: every node's last run and submission, and the rounds, asked from all clouds and Numerai at once."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption
from pnodes.cli.tables import table, wide_console
from pnodes.deployed.stack import DeployedStack
from pnodes.deployed.status import Status, query
from pnodes.wording import duration, moment, stamp
from providers.operations import Run, read_time


def status(stack: StackOption = None, as_json: AsJson = False) -> None:
    """Show every node: its last run, the newest submission of its model, and the rounds as Numerai tells them.

    Exit code 1 when a cloud or Numerai could not be asked; the others are shown nevertheless.
    """
    found = DeployedStack.read(stack)
    statuses, rounds, problems = query(found)
    if as_json:
        print(json.dumps(_document(statuses, rounds, problems), indent=2))
    else:
        _show(statuses, rounds, problems)
    if problems or any(each.problems for each in statuses):
        raise typer.Exit(1)


def _show(statuses: Sequence[Status], rounds: dict[str, dict[str, Any]], problems: Sequence[str]) -> None:
    console = wide_console()
    rows = [
        [
            each.node.name,
            each.node.facts.cloud,
            moment(each.run.created) if each.run else "-",
            each.run.cause if each.run else "-",
            str(each.run.state) if each.run else ("?" if each.problems else "never ran"),
            duration(each.run.seconds) if each.run else "-",
            _submission(each),
        ]
        for each in statuses
    ]
    console.print(table(["node", "cloud", "last run", "started by", "job", "took", "submission"], rows))
    if rounds:
        console.print()
    for tournament, facts in rounds.items():
        console.print(f"{tournament}: {_round(facts)}", markup=False)
    # A sentence is told once, with all the nodes that it is about.
    told: dict[str, list[str]] = {sentence: [] for sentence in problems}
    for each in statuses:
        for sentence in each.problems:
            told.setdefault(sentence, []).append(each.node.name)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence, names in told.items():
        errors.print(f"{', '.join(names) + ': ' if names else ''}{sentence}", markup=False)


def _submission(status: Status) -> str:
    if status.submission is None:
        return "?" if status.problems else "none"
    found = status.submission
    text = f"round {(found.get('round') or {}).get('number', '?')}, {moment(read_time(found['insertedAt']))}"
    match status.carries:
        case True:
            return f"{text}, of this run"
        case False:
            return f"{text}, not of this run"
    return text if found.get("triggerId") else f"{text}, without a trigger id"


def _round(facts: dict[str, Any], now: datetime | None = None) -> str:
    """What Numerai tells of the newest round; the one after it is announced by opening."""
    now = now or datetime.now(UTC)
    opens, closes = read_time(facts.get("openTime")), read_time(facts.get("closeStakingTime") or facts.get("closeTime"))
    name = f"round {facts.get('number')}"
    if opens and now < opens:
        return f"{name} opens {moment(opens)}, in {duration((opens - now).total_seconds())}"
    if closes and now < closes:
        return f"{name} is open until {moment(closes)}, for {duration((closes - now).total_seconds())} more"
    ended = f"{name} closed {moment(closes)}" if closes else f"{name} is the newest"
    return f"{ended}; Numerai has not told yet when the next one opens"


def described(run: Run) -> dict[str, Any]:
    """A run for JSON."""
    return {
        "id": run.id,
        "state": str(run.state),
        "reason": run.reason,
        "created": stamp(run.created),
        "started": stamp(run.started) if run.started else None,
        "stopped": stamp(run.stopped) if run.stopped else None,
        "seconds": None if run.seconds is None else round(run.seconds, 1),
        "trigger_id": run.trigger_id or None,
        "round": run.round or None,
    }


def _document(statuses: Sequence[Status], rounds: dict[str, dict[str, Any]], problems: Sequence[str]) -> dict[str, Any]:
    return {
        "nodes": [
            {
                "name": each.node.name,
                "cloud": each.node.facts.cloud,
                "region": each.node.facts.region,
                "tournament": each.node.tournament,
                "model_id": each.node.model_id,
                "run": described(each.run) if each.run else None,
                "submission": each.submission,
                "submission_of_this_run": each.carries,
                "problems": each.problems,
            }
            for each in statuses
        ],
        "rounds": rounds,
        "problems": list(problems),
    }
