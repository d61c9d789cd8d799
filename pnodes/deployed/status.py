"""Every node's last run and submission, and the rounds, asked from all clouds and Numerai at once."""

from collections.abc import Callable
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
    """What could be learned of one node; `problems`: a sentence for each part that could not be asked."""

    node: StackNode
    run: Run | None = None
    submission: dict[str, Any] | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def carries(self) -> bool | None:
        """Whether the newest submission is of the last run, by its trigger id; None where there is none to compare."""
        if self.submission is None or self.run is None or not self.run.trigger_id:
            return None
        return bool(self.submission.get("triggerId") == self.run.trigger_id)


def look(stack: DeployedStack) -> tuple[list[Status], dict[str, dict[str, Any]], list[str]]:
    """The nodes, the rounds by tournament, and what could not be asked of Numerai as a whole."""
    accounts = Accounts(stack.configured)
    statuses = {name: Status(node) for name, node in stack.nodes.items()}
    rounds: dict[str, dict[str, Any]] = {}
    problems: list[str] = []

    def run_of(each: Status) -> None:
        each.run = next(iter(accounts.of(each.node.facts).runs(limit=1)), None)

    def submission_of(each: Status) -> None:
        found = stack.numerai(each.node.account).submissions(each.node.model_id)
        each.submission = next(iter(found), None)

    def round_of(tournament: str) -> None:
        from nodefile import Tournament
        from providers.numerai.client import Client

        current = Client().current_round(Tournament(tournament).number)
        if current is not None:
            rounds[tournament] = current

    jobs: list[tuple[list[str], Callable[[], None]]] = []
    for each in statuses.values():
        jobs += [(each.problems, partial(run_of, each)), (each.problems, partial(submission_of, each))]
    for tournament in sorted({node.tournament for node in stack.nodes.values()}):
        jobs.append((problems, partial(round_of, tournament)))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda job: _attempt(*job), jobs))
    return list(statuses.values()), dict(sorted(rounds.items())), list(dict.fromkeys(problems))


def _attempt(problems: list[str], job: Callable[[], None]) -> None:
    try:
        job()
    except (OperationsError, Refusal) as error:
        problems.append(str(error))
