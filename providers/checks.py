"""Reports all problems of nodes.yaml at once: mistakes in the file, and requests that a cloud cannot meet.

`pnodes validate` and the Pulumi program share these checks. This module does not import Pulumi, and it imports the
limits only of the clouds in use.
"""

from __future__ import annotations

from pathlib import Path

from nodefile import NodeFile, NodeFileError, Problem, parse
from nodefile.problems import join_words
from nodefile.rescue import RescueNode
from providers.clouds import find_cloud
from providers.images.pickled import describe_unknown

DEFAULT_PROJECT, DEFAULT_STACK = "prediction-nodes", "dev"


def load_checked(path: str | Path, project: str = DEFAULT_PROJECT, stack: str = DEFAULT_STACK) -> NodeFile:
    """Return the nodes of a file after checking them against their clouds' limits.

    `project` and `stack` become parts of resource names, whose lengths the clouds limit. If the file has `stacks`, the
    names of those are used instead. Raises NodeFileError with all problems, in the order of the file.
    """
    file, problems = parse(path)
    if file is not None:
        limits = _check_limits(file, project, stack)
        problems = sorted([*problems, *limits], key=lambda problem: (problem.line, problem.column))
    if problems or file is None:
        raise NodeFileError(problems)
    return file


def list_notes(file: NodeFile) -> dict[str, str]:
    """Return, by node name, why a node's machine is larger than the requested size, and what its pickle may lack."""
    notes = {
        node.name: " ".join(filter(None, [find_cloud(node.cloud).fit(node).note, describe_unknown(node)]))
        for node in file.with_rescues
    }
    return {name: note for name, note in notes.items() if note}


def list_rights(file: NodeFile) -> dict[str, str]:
    """Return, by node name, the user's own rights that a node's code gets. Nodes without any are left out."""
    return {
        node.name: f"its code has the rights of {join_words(node.rights, 'and')}" for node in file.nodes if node.rights
    }


def _check_limits(file: NodeFile, project: str, stack: str) -> list[Problem]:
    problems = []
    for node in file.with_rescues:
        for field, sentence in find_cloud(node.cloud).check(node, project, file.owners.get(node.title, stack)):
            place = "rescue" if isinstance(node, RescueNode) else ""
            text = ": ".join(part for part in (place, field, sentence) if part)
            problems.append(file.problem(node.title, place or field, text))
    return list(dict.fromkeys(problems))
