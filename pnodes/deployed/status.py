"""Queries all clouds and Numerai in parallel for the last run and submission of every node, and for the rounds.

A check (`pnodes status --check`) also queries the triggers, and makes a line of each thing that is wrong.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pnodes.deployed.accounts import Accounts
from pnodes.deployed.check import compare_webhooks
from pnodes.deployed.history import IN_TIME, Outcome, RoundRecord, fetch_history
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.wording import moment
from providers.operations import OperationsError, Run, State
from providers.refusal import Refusal
from trigger.log_line import TriggerLine, parse

_AT_ONCE = 8
# The newest round may still be open.
_ROUNDS_CHECKED = 2
_CALLS_CHECKED = timedelta(days=2)


@dataclass
class Status:
    """The last run and submission of one node; `problems`: a sentence for each query that failed.

    The last three are queried for a check only: the last rounds, newest first, the last call that the trigger has
    refused since the last run, and how the webhook at Numerai differs from the node's.
    """

    node: StackNode
    run: Run | None = None
    submission: dict[str, Any] | None = None
    rounds: list[RoundRecord] = field(default_factory=list)
    refused: TriggerLine | None = None
    misdirected: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def is_of_last_run(self) -> bool | None:
        """Whether the newest submission has the trigger id of the last run; None if one of the two is missing."""
        if self.submission is None or self.run is None or not self.run.trigger_id:
            return None
        return bool(self.submission.get("triggerId") == self.run.trigger_id)


def query(
    stack: DeployedStack, nodes: Iterable[StackNode], check: bool = False
) -> tuple[list[Status], dict[str, dict[str, Any]], list[str]]:
    """Return these nodes' statuses, the rounds by tournament, and a sentence for each failed query about rounds."""
    accounts = Accounts(stack)
    statuses = [Status(node) for node in nodes]
    rounds: dict[str, dict[str, Any]] = {}
    problems: list[str] = []

    def query_run(status: Status) -> None:
        status.run = next(iter(accounts.of(status.node).runs(limit=1)), None)
        if check:
            since = datetime.now(UTC) - _CALLS_CHECKED
            lines = accounts.of(status.node).trigger_log(max(since, status.run.created) if status.run else since)
            calls = [call for line in lines if (call := parse(line.text)) and call.refused and not call.disabled]
            status.refused = calls[-1] if calls else None

    def query_rounds(status: Status) -> None:
        status.rounds, problem = fetch_history(status.node, _ROUNDS_CHECKED)
        if problem:
            raise problem

    def query_webhooks(members: list[Status]) -> None:
        webhooks = stack.numerai(members[0].node).webhooks()
        for status in members:
            status.misdirected = compare_webhooks(status.node.webhook, webhooks.get(status.node.model_id))

    def query_submission(status: Status) -> None:
        submissions = stack.numerai(status.node).submissions(status.node.model_id)
        status.submission = next(iter(submissions), None)

    def query_round(tournament: str) -> None:
        from nodefile import Tournament
        from providers.numerai.client import Client

        current = Client().current_round(Tournament(tournament).number)
        if current is not None:
            rounds[tournament] = current

    jobs: list[tuple[Callable[[], None], list[list[str]]]] = []
    registered: dict[tuple[int, str | None], list[Status]] = {}  # those of one account need one request
    for status in statuses:
        queries = [query_run, query_submission, *([query_rounds] if check else [])]
        jobs += [(partial(query, status), [status.problems]) for query in queries]
        if check and status.node.registered:
            registered.setdefault((status.node.stack, status.node.account), []).append(status)
    for members in registered.values():
        jobs.append((partial(query_webhooks, members), [status.problems for status in members]))
    for tournament in sorted({status.node.tournament for status in statuses}):
        jobs.append((partial(query_round, tournament), [problems]))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda job: _attempt(*job), jobs))
    return statuses, dict(sorted(rounds.items())), list(dict.fromkeys(problems))


def group_problems(statuses: Iterable[Status], problems: Iterable[str]) -> list[str]:
    """Return each sentence once, with the names of all the nodes that it concerns."""
    nodes: dict[str, list[str]] = {sentence: [] for sentence in problems}
    for status in statuses:
        for sentence in dict.fromkeys(status.problems):
            nodes.setdefault(sentence, []).append(status.node.name)
    return [f"{', '.join(names) + ': ' if names else ''}{sentence}" for sentence, names in nodes.items()]


def list_problems(stack: DeployedStack, nodes: Iterable[StackNode]) -> list[str]:
    """Check the nodes that are enabled, and return a line for each problem."""
    statuses, _, problems = query(stack, [node for node in nodes if node.enabled], check=True)
    lines = [line for status in statuses for line in _describe_problems(status)]
    return [" ".join(line.split()) for line in (*group_problems(statuses, problems), *lines)]


def _describe_problems(status: Status) -> list[str]:
    lines, name, run = [], status.node.name, status.run
    last = next((round_ for round_ in status.rounds if round_.outcome is not Outcome.OPEN), None)
    # The rounds of a rescue are those of its node.
    if last and last.outcome not in IN_TIME and not status.node.rescues:
        reason = f": {last.reason}" if last.reason else ""
        how = "was missed" if last.outcome is Outcome.MISSED else f"was submitted late, {moment(last.ended)}"
        lines.append(f"{name}: round {last.number} {how}{reason}")
    if run and run.state is State.FAILED and run.round != "test" and not (status.is_of_last_run or _is_known(status)):
        lines.append(f"{name}: the last run failed: {run.reason or 'the cloud gives no reason'}")
    if status.misdirected:
        lines.append(f"{name}: {status.misdirected}")
    if status.refused:
        lines.append(f"{name}: its trigger refused a call (HTTP {status.refused.http}): {status.refused.reason}")
    return lines


def _is_known(status: Status) -> bool:
    """Whether the round of the last run was submitted nevertheless, or has a line of its own."""
    known = [str(round_.number) for round_ in status.rounds if round_.outcome is not Outcome.OPEN]
    submitted = (status.submission or {}).get("round") or {}
    return status.run is not None and status.run.round in {*known, str(submitted.get("number", ""))} - {""}


def _attempt(job: Callable[[], None], problems: Iterable[list[str]]) -> None:
    try:
        job()
    except (OperationsError, Refusal) as error:
        for sentences in problems:
            sentences.append(str(error))
