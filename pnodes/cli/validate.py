"""`pnodes validate`: runs the first checks of `pulumi preview` and `pulumi up`, without an engine."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson
from pnodes.wording import plural


def validate(
    file: Annotated[
        Path | None, typer.Argument(help="File to check; by default nodes.yaml beside Pulumi.yaml.")
    ] = None,
    as_json: AsJson = False,
    stack: Annotated[
        str | None,
        typer.Option(help="Name of the stack, to check the length of resource names; by default dev."),
    ] = None,
) -> None:
    """Check nodes.yaml and print each problem on its own line. Exits with 2 if there are problems."""
    from nodefile import NodeFileError
    from providers.checks import DEFAULT_STACK, list_notes, list_rights, load_checked
    from providers.images.model_files import list_missing_models

    folder = project.project_folder(file.parent if file else None)
    path = file if file is not None else _shorten(folder / "nodes.yaml")
    try:
        checked = load_checked(path, project.project_name(folder), stack or DEFAULT_STACK)
    except NodeFileError as error:
        if as_json:
            problems = [asdict(problem) for problem in error.problems]
            print(json.dumps({"file": str(path), "valid": False, "problems": problems}, indent=2))
        else:
            for problem in error.problems:
                print(problem)
        raise typer.Exit(2) from None
    nodes, notes_by_name, missing = checked.nodes, list_notes(checked), list_missing_models(checked.nodes)
    if as_json:
        documents = [
            {
                **node.model_dump(include={"name", "cloud", "region", "enabled", "rescue"}),
                "note": notes_by_name.get(node.name),
                "warning": missing.get(node.name),
            }
            for node in nodes
        ]
        print(json.dumps({"file": str(path), "valid": True, "problems": [], "nodes": documents}, indent=2))
        return
    for name, note in [*notes_by_name.items(), *list_rights(checked).items()]:
        print(f"{name}: {note}")
    for name, sentence in missing.items():
        print(f"{name}: warning: {sentence}")
    clouds = Counter(node.cloud for node in nodes)
    counts = ", ".join(f"{count} on {cloud}" for cloud, count in sorted(clouds.items())) or "empty"
    rescues = [f"{node.name} in {node.rescue.cloud} {node.rescue.region}" for node in nodes if node.rescue]
    counts += f"; rescues: {', '.join(rescues)}" if rescues else ""
    Console(highlight=False, soft_wrap=True).print(f"{path}: {plural(len(nodes), 'node')}, no problem ({counts})")


def _shorten(path: Path) -> Path:
    """Return the path relative to the working directory if it lies inside it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
