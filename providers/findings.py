"""The results of checks: a level, a sentence and, for a problem, the command that solves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nodefile import Node
from providers.operations import Configured, NoCredentials, OperationsError, Refused
from providers.refusal import Refusal


class Level(StrEnum):
    """The severity of a finding. SKIPPED is for optional checks that could not be made."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "not checked"


@dataclass(frozen=True)
class Finding:
    """One result of a check. `mend` is the command to run, or the edit to make."""

    check: str
    level: Level
    text: str
    mend: str = ""


def ok(check: str, text: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, mend: str = "") -> Finding:
    """Return a finding for something that works, but not well."""
    return Finding(check, Level.WARNING, text, mend)


def failed(check: str, text: str, mend: str = "") -> Finding:
    """Return a finding for a problem that would make `up` or a round fail."""
    return Finding(check, Level.FAILED, text, mend)


def skipped(check: str, text: str, mend: str = "") -> Finding:
    """Return a finding for a check that could not be made."""
    return Finding(check, Level.SKIPPED, text, mend)


@dataclass(frozen=True)
class Section:
    """The findings about one subject, such as a cloud's region."""

    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Place:
    """A region of a cloud, with its nodes in nodes.yaml and the facts of the nodes that are deployed there."""

    cloud: str
    region: str
    nodes: tuple[Node, ...]
    configured: Configured
    deployed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def running(self) -> list[Node]:
        """The enabled nodes, whose jobs start in a round."""
        return [node for node in self.nodes if node.enabled]

    @property
    def built(self) -> list[Node]:
        """The nodes whose images the cloud builds."""
        return [node for node in self.nodes if not node.build.docker]


def compare_quota(
    check: str, what: str, limit: float, needs: Mapping[str, float], mend: str, late: str = "wait"
) -> Finding:
    """Compare a limit with each node's need and with the sum of all needs, which a round reaches.

    `what` follows the limit in the text, and `late` says what happens to the nodes above the limit.
    """
    total = sum(needs.values())
    large = [name for name, need in needs.items() if need > limit]
    if large:
        return failed(check, f"{limit:g} {what}; {', '.join(large)} would need more and could never start.", mend)
    if total > limit:
        text = f"{limit:g} {what}; in a round all nodes together need {total:g}, so some would {late}."
        return warning(check, text, mend)
    return ok(check, f"{limit:g} {what}; all nodes together need {total:g}.")


def collect(check: str, findings: Iterable[Finding], sign_in: str = "") -> Iterator[Finding]:
    """Yield the findings of a check, and a failed one if an error ends it. `sign_in` mends missing credentials."""
    try:
        yield from findings
    except NoCredentials as error:
        yield failed(check, str(error), sign_in)
    except (OperationsError, Refusal) as error:
        again = type(error) is OperationsError  # the text of a refusal names the remedy itself
        yield failed(check, str(error), "pnodes doctor  (again, in a minute)" if again else "")


def attempt(check: str, permission: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of an optional check; if the cloud refuses a query to these credentials, say so instead."""
    try:
        yield from findings
    except Refused as error:
        yield skipped(check, f"{error} The query needs {permission}.")
