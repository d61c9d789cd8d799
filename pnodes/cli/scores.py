"""`pnodes scores`: shows what Numerai says about the models, and what their rounds earned and cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.cli.tables import table, wide_console
from pnodes.deployed.history import RoundRecord, describe_result, fetch_history
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.wording import describe_scores, moment, nmr, plural, stamp, usd
from providers.operations import OperationsError

if TYPE_CHECKING:
    from pnodes.deployed.scores import Scores
    from pnodes.plan.earnings import Earnings

_AT_ONCE = 8
_ROUNDS_SHOWN = 30


def scores(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=complete_node,
            help="Names of nodes, whose rounds are listed; by default all, without their rounds.",
            show_default=False,
        ),
    ] = None,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the scores, rank, stake and payouts of each model, and what its rounds cost.

    Numerai's answers are kept in .pnodes/scores.json, and it is asked again after an hour. Rounds, ranks and stakes are
    public; nothing is changed at Numerai.

    Exits with 1 if Numerai or a trigger could not be queried; what is known is still shown, with its age.
    """
    from pnodes.deployed.scores import ScoreBook
    from pnodes.plan.earnings import join_rounds

    deployed = DeployedStack.read(stack)
    own = [name for name, node in deployed.nodes.items() if not node.rescues]  # a rescue submits for the same model
    selected = [deployed.node(name) for name in dict.fromkeys(nodes or own)]
    book = ScoreBook(project.project_folder())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        histories = pool.map(_fetch_history, selected)
        problems = book.refresh(deployed, selected)
        answers = list(histories)
    rows = []
    for node, answer in zip(selected, answers, strict=True):
        if isinstance(answer, OperationsError):
            problems.setdefault(str(answer), []).append(node.name)
        history = [] if isinstance(answer, OperationsError) else answer
        known = book.read(node)
        rows.append((node, known, join_rounds(node, known, history)))
    if as_json:
        document = {"nodes": [_document(*row, problems) for row in rows], "problems": list(problems)}
        print(json.dumps(document, indent=2))
    elif nodes:
        _show_rounds(rows)
    else:
        _show_nodes(rows)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence, names in problems.items():
        errors.print(f"{', '.join(names) + ': ' if names else ''}{sentence}", markup=False)
    if problems:
        raise typer.Exit(1)


_Row = tuple[StackNode, "Scores | None", "list[Earnings]"]


def _fetch_history(node: StackNode) -> list[RoundRecord] | OperationsError:
    rounds, problem = fetch_history(node)
    return problem if problem and not rounds else rounds


def _show_nodes(rows: Sequence[_Row]) -> None:
    from pnodes.plan.earnings import sum_known

    headings = ["node", "mean of a year", "newest round", "rank", "stake", "resolving", "pending", "paid"]
    cells = []
    for node, known, rounds in rows:
        if known is None:
            cells.append([node.name, "?"])
            continue
        latest = f"{known.latest.number}: {describe_scores(known.latest.values)}" if known.latest else "none yet"
        count, cost, earned = sum_known(rounds)
        cells.append(
            [
                node.name,
                describe_scores(known.means),
                latest,
                _number(known.rank.rank),
                nmr(known.rank.stake),
                str(known.resolving or ""),
                nmr(known.sum_payouts(resolved=False)),
                nmr(known.sum_payouts(resolved=True)),
                *([usd(earned), usd(cost)] if count else ["-", "-"]),
            ]
        )
    console = wide_console()
    console.print(table([*headings, "earned", "cost"], cells))
    console.print()
    console.print(_describe_units([known for _, known, _ in rows if known]), markup=False)


def _show_rounds(rows: Sequence[_Row]) -> None:
    console = wide_console()
    for node, known, rounds in rows:
        if known is None:
            console.print(f"{node.name}: Numerai has not said anything yet", markup=False)
        else:
            console.print(f"{node.name}: {_describe_model(known)}", markup=False)
        labels = list(known.latest.values) if known and known.latest else []
        headings = ["round", "opened", *labels, "resolves", "NMR", "earned", "run", "cost", "net"]
        console.print(table(headings, [_describe_round(round_, labels) for round_ in rounds[:_ROUNDS_SHOWN]]))
        console.print()
    console.print(_describe_units([known for _, known, _ in rows if known]), markup=False)


def _describe_model(known: Scores) -> str:
    stake = "no stake" if not known.rank.stake else f"a stake of {nmr(known.rank.stake)} NMR"
    rank = f"rank {known.rank.rank}" if known.rank.rank else "no rank"
    paid, pending = (nmr(known.sum_payouts(resolved)) for resolved in (True, False))
    return (
        f"{describe_scores(known.means) or 'no final scores'} (mean of a year), {rank}, {stake}\n"
        f"{paid} NMR paid in a year, {pending} NMR pending in {plural(known.resolving, 'round')}"
    )


def _describe_round(round_: Earnings, labels: Sequence[str]) -> list[str]:
    scores, record = round_.scores, round_.record
    opened = scores.opened if scores else record.at if record else None
    resolves = "-" if scores is None else "resolved" if scores.resolved else moment(scores.resolves)
    values = scores.values if scores else {}
    run = describe_result(record) if record else "-"
    if record and len(record.runs) > 1:
        run += f", {len(record.runs)} runs"
    return [
        str(round_.number),
        moment(opened),
        *(f"{values[label]:.4f}" if label in values else "-" for label in labels),
        resolves,
        nmr(scores.payout) if scores and values else "-",
        "-" if round_.earned is None else usd(round_.earned),
        run,
        "-" if round_.cost is None else usd(round_.cost),
        "-" if round_.net is None else usd(round_.net),
    ]


def _describe_units(known: Sequence[Scores]) -> str:
    if not known:
        return "Nothing is known yet."
    price = next((one.price for one in known if one.price is not None), None)
    rate = (
        "Numerai gives no price of NMR, so earnings have no value in USD."
        if price is None
        else f"Earned, cost and net are in USD, at today's price of {price:.2f} for 1 NMR."
    )
    return f"As of {moment(min(one.at for one in known))}. Stake, pending and paid are in NMR. {rate}"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _document(
    node: StackNode, known: Scores | None, rounds: Sequence[Earnings], problems: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    return {
        "name": node.name,
        "tournament": node.tournament,
        "model_id": node.model_id,
        "as_of": stamp(known.at) if known else None,
        "means": known.means if known else {},
        "rank": known.rank.rank if known else None,
        "stake_nmr": known.rank.stake if known else None,
        "nmr_usd": known.price if known else None,
        "resolving": known.resolving if known else None,
        "pending_nmr": known.sum_payouts(resolved=False) if known else None,
        "paid_nmr": known.sum_payouts(resolved=True) if known else None,
        "rounds": [_round_document(round_) for round_ in rounds],
        "problems": [sentence for sentence, names in problems.items() if node.name in names],
    }


def _round_document(round_: Earnings) -> dict[str, Any]:
    scores, record = round_.scores, round_.record
    return {
        "round": round_.number,
        "opened": stamp(scores.opened) if scores else None,
        "resolves": stamp(scores.resolves) if scores and scores.resolves else None,
        "resolved": scores.resolved if scores else None,
        "scores": scores.values if scores else {},
        "at_risk_nmr": scores.at_risk if scores else None,
        "payout_nmr": scores.payout if scores else None,
        "outcome": str(record.outcome) if record else None,
        "runs": [run.id for run in record.runs] if record else [],
        "earned_usd": round_.earned,
        "cost_usd": round_.cost,
        "net_usd": round_.net,
    }
