"""`pnodes import`: numerai-cli's nodes become entries of nodes.yaml, and its API keys secrets of the stack.

The file is written whole or not at all, after everything about it was checked; what is different from before is said
node by node. numerai-cli's own files, and what it runs in the clouds, are left as they are.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.errors import UserError
from pnodes.wording import plural

_NODES_JSON = Path("~/.numerai/nodes.json")


def import_nodes(
    nodes_json: Annotated[
        Path, typer.Argument(metavar="[NODES_JSON]", help="numerai-cli's file.", show_default=True)
    ] = _NODES_JSON,
    file: Annotated[
        Path | None, typer.Option(help="The file that gets the nodes; nodes.yaml beside Pulumi.yaml when left out.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave out a node, by its name there; once for each.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Which Numerai account the nodes are of, when there are several.")
    ] = None,
    keys: Annotated[
        bool,
        typer.Option(
            envvar="PNODES_IMPORT_KEYS", help="Whether the API keys go into the selected stack's configuration."
        ),
    ] = True,
    only_keys: Annotated[bool, typer.Option("--only-keys", help="The keys alone; nodes.yaml is not touched.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the file that would be written, and change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Take over numerai-cli's nodes: nodes.yaml gets them, the stack's encrypted configuration gets the API keys.

    Nothing is overwritten, and nothing of numerai-cli's is changed. Exit code 2 when the files cannot be used.
    """
    from nodefile import fields
    from pnodes.migrate import import_keys
    from pnodes.migrate import import_nodes as nodes_import

    if account is not None:
        try:
            fields.read_account(account)
        except ValueError as error:
            raise UserError(f"--account: {error}", 2) from None
    if only_keys and not keys:
        raise UserError("--only-keys and --no-keys (or PNODES_IMPORT_KEYS=no) leave nothing to do.", 2)
    source = nodes_json.expanduser().absolute()
    target = (file or project.project_folder() / "nodes.yaml").absolute()
    folder = project.project_folder(target.parent)
    nodes = None if only_keys else nodes_import.prepare(source, target, frozenset(skip or ()), account)
    move = import_keys.prepare(source.parent / ".keys", folder, account, wanted=keys and not dry_run)
    if nodes is None:
        _tell_keys(move.run(), as_json)
        return
    with nodes.checked() as change:
        found = nodes.report(change.nodes, move.wants)
        if not dry_run:
            found["keys"] = move.run()
            try:
                change.put()
            except BaseException:
                move.undo()
                raise
    found["written"] = not dry_run
    if as_json:
        print(json.dumps({**found, **({"content": nodes.content.decode()} if dry_run else {})}, indent=2))
        return
    if dry_run:
        sys.stdout.write(nodes.content.decode())
        sys.stdout.flush()
    _tell(found, source, Console(stderr=dry_run, highlight=False, soft_wrap=True, markup=False))


def _tell(found: dict[str, Any], source: Path, console: Console) -> None:
    nodes = plural(len(found["nodes"]), "node")
    done = "Added" if found["written"] else "This would add"
    console.print(
        f"{done} {nodes} from {project.shorten_path(source)} to {found['file']}. What is different from before:"
    )
    for node in found["nodes"]:
        renamed = "" if node["was"] == node["name"] else f", before {node['was']}"
        console.print(f"\n{node['name']} ({node['cloud']}, {node['region']}, {node['size']}{renamed})")
        for note in node["notes"] or ["nothing but what holds for all"]:
            console.print(f"  - {note}.")
    console.print("\nall nodes")
    for note in found["notes"]:
        console.print(f"  - {note}.")
    if not found["written"]:
        return
    console.print(f"\nAPI keys: {found['keys']['what']}")
    console.print("\nNext:")
    for what, why in found["next"]:
        console.print(f"  {what:<46} # {why}")


def _tell_keys(moved: dict[str, str | bool], as_json: bool) -> None:
    print(json.dumps({"keys": moved}, indent=2) if as_json else f"API keys: {moved['what']}")
