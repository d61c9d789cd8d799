"""Check that nodes.yaml is valid, and report the sizes that the clouds provide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nodefile import NodeFile, NodeFileError
from pnodes.wording import plural
from providers.checks import DEFAULT_STACK, list_notes, list_rights, load_checked
from providers.findings import Finding, failed, ok, warning
from providers.images.model_files import list_missing_models


def read(folder: Path, project: str, stack: str) -> tuple[NodeFile | None, list[Finding]]:
    """Read nodes.yaml; returns the file (None if it is invalid) and the findings about it."""
    try:
        file = load_checked(folder / "nodes.yaml", project, stack or DEFAULT_STACK)
        file = file.select(stack) if stack else file
    except NodeFileError as error:
        return None, [failed("nodes.yaml", str(problem), "pnodes validate") for problem in error.problems]
    return file, list(_describe(file))


def _describe(file: NodeFile) -> Iterator[Finding]:
    clouds = sorted({f"{node.cloud} {node.region}" for node in file.nodes})
    count = len(file.nodes)
    if not count:
        yield warning("nodes.yaml", "the file has no nodes.", "pnodes new NAME --model MODEL --cloud aws")
        return
    yield ok("nodes.yaml", f"{plural(count, 'node')} in {', '.join(clouds)}.")
    for name, note in list_notes(file).items():
        yield ok(f"size of {name}", f"{note}.")
    for name, sentence in list_missing_models(file.nodes).items():
        yield warning(f"files of {name}", f"{sentence}.")
    for name, rights in list_rights(file).items():
        yield ok(f"rights of {name}", f"{rights}.")
