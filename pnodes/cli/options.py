"""Options that several commands share."""

from typing import Annotated

import typer

from pnodes import project


def complete_node(incomplete: str) -> list[str]:
    """Return the nodes of nodes.yaml whose names begin like this, for the shell's completion."""
    from nodefile import yaml_source

    file = project.project_folder() / "nodes.yaml"
    root = yaml_source.read(file.read_bytes()).value if file.is_file() else None
    nodes = root.get("nodes") if isinstance(root, dict) else None
    return [name for name in nodes if name.startswith(incomplete)] if isinstance(nodes, dict) else []


StackOption = Annotated[str | None, typer.Option("--stack", "-s", help="Stack name; by default the selected one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object instead of text.")]
