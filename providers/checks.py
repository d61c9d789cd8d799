"""Everything that can be wrong with nodes.yaml, at once: the file itself and what each cloud cannot do.

`pnodes validate` and the program ask here, so both say the same. No Pulumi, and only the limits of the clouds in use.
"""

from __future__ import annotations

from pathlib import Path

from nodefile import NodeFile, NodeFileError, Problem, parse
from providers.clouds import find_cloud

DEFAULT_PROJECT, DEFAULT_STACK = "prediction-nodes", "dev"


def load_checked(path: str | Path, project: str = DEFAULT_PROJECT, stack: str = DEFAULT_STACK) -> NodeFile:
    """The nodes of a file that every cloud can run. Raises NodeFileError with all problems, in the file's order.

    `project` and `stack` become parts of names, whose lengths the clouds limit.
    """
    found, problems = parse(path)
    if found is not None:
        problems = sorted([*problems, *_limits(found, project, stack)], key=lambda each: (each.line, each.column))
    if problems or found is None:
        raise NodeFileError(problems)
    return found


def notes(found: NodeFile) -> dict[str, str]:
    """Node name -> what its cloud gives instead of the size that was asked for, where that is more."""
    given = {}
    for node in found.nodes:
        note = find_cloud(node.cloud).fit(node).note
        if note:
            given[node.name] = note
    return given


def _limits(found: NodeFile, project: str, stack: str) -> list[Problem]:
    problems = []
    for node in found.nodes:
        for field, sentence in find_cloud(node.cloud).check(node, project, stack):
            problems.append(found.problem(node.name, field, f"{field}: {sentence}" if field else sentence))
    return list(dict.fromkeys(problems))
