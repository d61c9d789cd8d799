"""Queries all clouds and Numerai in parallel for the last run and submission of every node, and for the rounds."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack, StackNode
from providers.operations import OperationsError, Run
from providers.refusal import Refusal

_AT_ONCE = 8


@dataclass
class Status:
    """The last run and submission of one node; `problems`: a sentence for each query that failed."""

    node: StackNode
    run: Run | None = None
    submission: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def is_of_last_run(self) -> bool | None:
        """Whether the newest submission has the trigger id of the last run; None if one of the two is missing."""
        if self.submission is None or self.run is None or not self.run.trigger_id:
            return None
        return bool(self.submission.get("triggerId") == self.run.trigger_id)


def query(
    stack: DeployedStack, nodes: Iterable[StackNode]
) -> tuple[list[Status], dict[str, dict[str, Any]], list[str]]:
    """Return these nodes' statuses, the rounds by tournament, and a sentence for each failed query about rounds."""
    accounts = Accounts(stack)
    statuses = [Status(node) for node in nodes]
    rounds: dict[str, dict[str, Any]] = {}
    problems: list[str] = []

    def query_run(status: Status) -> None:
        status.run = next(iter(accounts.of(status.node).runs(limit=1)), None)

    def query_submission(status: Status) -> None:
        submissions = stack.numerai(status.node).submissions(status.node.model_id)
        status.submission = next(iter(submissions), None)

    def query_round(tournament: str) -> None:
        from nodefile import Tournament
        from providers.numerai.client import Client

        current = Client().current_round(Tournament(tournament).number)
        if current is not None:
            rounds[tournament] = current

    jobs: list[tuple[list[str], Callable[[], None]]] = []
    for status in statuses:
        jobs += [(status.problems, partial(query_run, status)), (status.problems, partial(query_submission, status))]
    for tournament in sorted({status.node.tournament for status in statuses}):
        jobs.append((problems, partial(query_round, tournament)))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda job: _attempt(*job), jobs))
    return statuses, dict(sorted(rounds.items())), list(dict.fromkeys(problems))


def _attempt(problems: list[str], job: Callable[[], None]) -> None:
    try:
        job()
    except (OperationsError, Refusal) as error:
        problems.append(str(error))
