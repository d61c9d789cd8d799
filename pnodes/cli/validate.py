"""`pnodes validate`: the checks that `pulumi preview` and `pulumi up` make before anything else, without an engine."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pnodes import project


def validate(
    file: Annotated[
        Path | None, typer.Argument(help="The file to check; nodes.yaml beside Pulumi.yaml when left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
    stack: Annotated[
        str | None,
        typer.Option(help="Stack whose name goes into the names of resources, which have limits; dev when left out."),
    ] = None,
) -> None:
    """Check nodes.yaml: every problem on a line of its own, exit code 2 when there is one."""
    from nodefile import NodeFileError
    from providers.checks import DEFAULT_STACK, list_notes, load_checked

    folder = project.project_folder(file.parent if file else None)
    path = file if file is not None else _shortest(folder / "nodes.yaml")
    try:
        checked = load_checked(path, project.project_name(folder), stack or DEFAULT_STACK)
    except NodeFileError as error:
        problems = [
            {"path": str(p.path), "line": p.line, "column": p.column, "message": p.message} for p in error.problems
        ]
        if as_json:
            print(json.dumps({"file": str(path), "valid": False, "problems": problems}, indent=2))
        else:
            for problem in error.problems:
                print(problem)
        raise typer.Exit(2) from None
    nodes, given = checked.nodes, list_notes(checked)
    if as_json:
        found = [
            {
                "name": n.name,
                "cloud": n.cloud,
                "region": n.region,
                "enabled": n.enabled,
                "note": given.get(n.name),
            }
            for n in nodes
        ]
        print(json.dumps({"file": str(path), "valid": True, "problems": [], "nodes": found}, indent=2))
        return
    for name, note in given.items():
        print(f"{name}: {note}")
    clouds = Counter(node.cloud for node in nodes)
    where = ", ".join(f"{count} on {cloud}" for cloud, count in sorted(clouds.items()))
    plural = "node" if len(nodes) == 1 else "nodes"
    Console(highlight=False, soft_wrap=True).print(f"{path}: {len(nodes)} {plural}, no problem ({where or 'empty'})")


def _shortest(path: Path) -> Path:
    """Relative to where the person stands, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
