"""`pnodes status`: shows the last run and submission of every node, and the current rounds."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.cli.tables import table, wide_console
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.deployed.status import Status, group_problems, list_problems, query
from pnodes.wording import describe_scores, duration, moment, stamp
from providers.operations import Run, State, read_time

if TYPE_CHECKING:
    from pnodes.deployed.scores import Scores


def status(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(autocompletion=complete_node, help="Names of nodes; by default all.", show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Print a line for each problem, and nothing if there is none.")
    ] = False,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the last run of every node, the newest submission of its model, and Numerai's current rounds.

    The mean scores of the last year and the ranks are those that `pnodes scores` or the dashboard last asked for.

    Exits with 1 if a cloud or Numerai could not be queried; the others are still shown. With --check, exits with 1 if
    there is a problem: the last round was missed or late, the last run failed without a submission, the trigger refuses
    calls, Numerai has another webhook, or a query failed. Disabled nodes are not checked.
    """
    deployed = DeployedStack.read(stack)
    selected = [deployed.node(name) for name in dict.fromkeys(nodes or deployed.nodes)]
    if check:
        lines = list_problems(deployed, selected)
        print("".join(f"{line}\n" for line in lines), end="")
        raise typer.Exit(1 if lines else 0)
    statuses, rounds, problems = query(deployed, selected)
    scores = _read_scores(selected)
    if as_json:
        print(json.dumps(_document(statuses, rounds, problems, scores), indent=2))
    else:
        _show(statuses, rounds, problems, scores)
    if problems or any(entry.problems for entry in statuses):
        raise typer.Exit(1)


def _read_scores(nodes: Sequence[StackNode]) -> "dict[str, Scores]":
    """Return the scores that `pnodes scores` or the dashboard has kept, by node name. Numerai is not asked."""
    from pnodes.deployed.scores import ScoreBook

    book = ScoreBook(project.project_folder())
    return {node.name: known for node in nodes if (known := book.read(node))}


def _show(
    statuses: Sequence[Status],
    rounds: dict[str, dict[str, Any]],
    problems: Sequence[str],
    scores: "Mapping[str, Scores]",
) -> None:
    console = wide_console()
    rows = [
        [
            entry.node.name,
            entry.node.facts.cloud,
            moment(entry.run.created) if entry.run else "-",
            entry.run.cause if entry.run else "-",
            _describe_job(entry),
            duration(entry.run.seconds) if entry.run else "-",
            _describe_submission(entry),
            *([_describe_scores(scores.get(entry.node.name))] if scores else []),
        ]
        for entry in statuses
    ]
    headings = ["node", "cloud", "last run", "started by", "job", "took", "submission"]
    headings += [f"scores of {moment(min(known.at for known in scores.values()))}"] if scores else []
    console.print(table(headings, rows))
    for entry in statuses:
        if entry.run and entry.run.state is State.FAILED:
            name, reason = entry.node.name, entry.run.reason or "the cloud gives no reason"
            console.print(f"{name}: the last run failed: {reason} (`pnodes logs {name}`)", markup=False)
    if rounds:
        console.print()
    for tournament, facts in rounds.items():
        console.print(f"{tournament}: {_describe_round(facts)}", markup=False)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in group_problems(statuses, problems):
        errors.print(line, markup=False)


def _describe_job(status: Status) -> str:
    if not status.node.enabled:
        return "disabled"
    return str(status.run.state) if status.run else ("?" if status.problems else "never ran")


def _describe_submission(status: Status) -> str:
    if status.submission is None:
        return "?" if status.problems else "none"
    submission = status.submission
    text = f"round {(submission.get('round') or {}).get('number', '?')}, {moment(read_time(submission['insertedAt']))}"
    match status.is_of_last_run:
        case True:
            return f"{text}, of this run"
        case False:
            return f"{text}, not of this run"
    return text if submission.get("triggerId") else f"{text}, without a trigger id"


def _describe_scores(known: "Scores | None") -> str:
    if known is None:
        return "-"
    rank = f"rank {known.rank.rank}" if known.rank.rank else ""
    return ", ".join(filter(None, [describe_scores(known.means), rank])) or "-"


def _describe_round(facts: dict[str, Any], now: datetime | None = None) -> str:
    """Describe the newest round. Numerai does not announce the round after it."""
    now = now or datetime.now(UTC)
    opens, closes = read_time(facts.get("openTime")), read_time(facts.get("closeStakingTime") or facts.get("closeTime"))
    name = f"round {facts.get('number')}"
    if opens and now < opens:
        return f"{name} opens {moment(opens)}, in {duration((opens - now).total_seconds())}"
    if closes and now < closes:
        return f"{name} is open until {moment(closes)}, for {duration((closes - now).total_seconds())} more"
    ended = f"{name} closed {moment(closes)}" if closes else f"{name} is the newest"
    return f"{ended}; Numerai has not announced the next opening yet"


def run_as_json(run: Run) -> dict[str, Any]:
    """Return a run as a JSON object."""
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


def _scores_document(known: "Scores | None") -> dict[str, Any] | None:
    if known is None:
        return None
    return {"as_of": stamp(known.at), "means": known.means, "rank": known.rank.rank}


def _document(
    statuses: Sequence[Status],
    rounds: dict[str, dict[str, Any]],
    problems: Sequence[str],
    scores: "Mapping[str, Scores]",
) -> dict[str, Any]:
    return {
        "nodes": [
            {
                "name": entry.node.name,
                "cloud": entry.node.facts.cloud,
                "region": entry.node.facts.region,
                "tournament": entry.node.tournament,
                "model_id": entry.node.model_id,
                "enabled": entry.node.enabled,
                "run": run_as_json(entry.run) if entry.run else None,
                "submission": entry.submission,
                "submission_of_this_run": entry.is_of_last_run,
                "scores": _scores_document(scores.get(entry.node.name)),
                "problems": entry.problems,
            }
            for entry in statuses
        ],
        "rounds": rounds,
        "problems": list(problems),
    }
