"""What a check says: a level, a sentence, and for what is not well the command that mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nodefile import Node
from providers.operations import Configured, NoCredentials, OperationsError, Refused
from providers.refusal import Refusal


class Level(StrEnum):
    """How bad it is. What could not be looked at, and need not be, is neither well nor ill."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "not checked"


@dataclass(frozen=True)
class Finding:
    """`mend` is a command, or the edit to make."""

    check: str
    level: Level
    text: str
    mend: str = ""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, mend: str = "") -> Finding:
    """It works, but not as one would like."""
    return Finding(check, Level.WARNING, text, mend)


def failed(check: str, text: str, mend: str = "") -> Finding:
    """`up` or a round would fail."""
    return Finding(check, Level.FAILED, text, mend)


def skipped(check: str, text: str, mend: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(check, Level.SKIPPED, text, mend)


@dataclass(frozen=True)
class Section:
    """The findings about one thing, such as a cloud's region."""

    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Place:
    """A region of a cloud: its nodes in nodes.yaml, and the facts of those that are deployed there already."""

    cloud: str
    region: str
    nodes: tuple[Node, ...]
    configured: Configured
    deployed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def running(self) -> list[Node]:
        """The nodes whose jobs a round starts."""
        return [node for node in self.nodes if node.enabled]

    @property
    def built(self) -> list[Node]:
        """The nodes whose images the cloud builds."""
        return [node for node in self.nodes if not node.build.docker]


def compare_quota(
    check: str, what: str, limit: float, needs: Mapping[str, float], mend: str, late: str = "wait"
) -> Finding:
    """Compare a limit with the needs of each node, and of all together in a round; `late`: what the excess does."""
    together = sum(needs.values())
    large = [name for name, need in needs.items() if need > limit]
    if large:
        return failed(check, f"{limit:g} {what}; {', '.join(large)} would need more and could never start.", mend)
    if together > limit:
        text = f"{limit:g} {what}; in a round all nodes together need {together:g}, so some would {late}."
        return warning(check, text, mend)
    return ok(check, f"{limit:g} {what}; all nodes together need {together:g}.")


def collected(check: str, findings: Iterable[Finding], sign_in: str = "") -> Iterator[Finding]:
    """The findings of a check; where it cannot go on, why, as one that failed. `sign_in` mends missing credentials."""
    try:
        yield from findings
    except NoCredentials as error:
        yield failed(check, str(error), sign_in)
    except (OperationsError, Refusal) as error:
        again = type(error) is OperationsError  # refusals say themselves what is missing
        yield failed(check, str(error), "pnodes doctor  (again, in a minute)" if again else "")


def asked_in_vain(check: str, error: Refused, right: str) -> Finding:
    """A question that is only for advice, which these credentials may not ask."""
    return skipped(check, f"{error} It takes {right}.")
