"""nodes.yaml: readable, right, and what each cloud gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nodefile import NodeFile, NodeFileError
from pnodes.wording import plural
from providers.checks import DEFAULT_STACK, load_checked, notes
from providers.findings import Finding, failed, ok, warning


def read(folder: Path, project: str, stack: str) -> tuple[NodeFile | None, list[Finding]]:
    """The file, if it can be used, and what there is to say about it."""
    try:
        found = load_checked(folder / "nodes.yaml", project, stack or DEFAULT_STACK)
    except NodeFileError as error:
        return None, [failed("nodes.yaml", str(problem), "pnodes validate") for problem in error.problems]
    return found, list(_described(found))


def _described(found: NodeFile) -> Iterator[Finding]:
    clouds = sorted({f"{node.cloud} {node.region}" for node in found.nodes})
    count = len(found.nodes)
    if not count:
        yield warning("nodes.yaml", "it has no nodes.", "pnodes new NAME --model MODEL --cloud aws")
        return
    yield ok("nodes.yaml", f"{plural(count, 'node')} in {', '.join(clouds)}.")
    for name, note in notes(found).items():
        yield ok(f"size of {name}", f"{note}.")
