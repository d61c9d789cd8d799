"""`pnodes import`: adds the nodes of numerai-cli to nodes.yaml, and its API keys to the stack's secrets.

The command checks the new content before it writes it, completely or not at all, and lists the differences node by
node. It leaves the files of numerai-cli and its resources in the clouds unchanged.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson
from pnodes.errors import UserError
from pnodes.wording import plural

_NODES_JSON = Path("~/.numerai/nodes.json")


def import_nodes(
    nodes_json: Annotated[
        Path, typer.Argument(metavar="[NODES_JSON]", help="The nodes.json of numerai-cli.", show_default=True)
    ] = _NODES_JSON,
    file: Annotated[
        Path | None, typer.Option(help="File to add the nodes to; by default nodes.yaml beside Pulumi.yaml.")
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Skip a node, by its name in numerai-cli; repeat for more nodes."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Numerai account of the nodes, if you have several accounts.")
    ] = None,
    keys: Annotated[
        bool,
        typer.Option(envvar="PNODES_IMPORT_KEYS", help="Copy the API keys to the selected stack's configuration."),
    ] = True,
    only_keys: Annotated[
        bool, typer.Option("--only-keys", help="Copy only the API keys; leave nodes.yaml unchanged.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the new content of the file, and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import the nodes of numerai-cli into nodes.yaml, and its API keys into the stack's encrypted configuration.

    Overwrites nothing, and changes nothing of numerai-cli. Exits with 2 if the files cannot be used.
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
        moved = move.run()
        print(json.dumps({"keys": moved}, indent=2) if as_json else f"API keys: {moved['what']}")
        return
    with nodes.checked() as change:
        report = nodes.report(change.nodes, move.lacks)
        if not dry_run:
            report["keys"] = move.run()
            try:
                change.put()
            except BaseException:
                move.undo()
                raise
    report["written"] = not dry_run
    if as_json:
        print(json.dumps({**report, **({"content": nodes.content.decode()} if dry_run else {})}, indent=2))
        return
    if dry_run:
        sys.stdout.write(nodes.content.decode())
        sys.stdout.flush()
    _print_report(report, source, Console(stderr=dry_run, highlight=False, soft_wrap=True, markup=False))


def _print_report(report: dict[str, Any], source: Path, console: Console) -> None:
    nodes = plural(len(report["nodes"]), "node")
    action = "Added" if report["written"] else "This would add"
    if report["removed"]:
        removed = "Removed" if report["written"] else "This would remove"
        console.print(f"{removed} the examples that {report['file']} came with: {', '.join(report['removed'])}.")
    console.print(f"{action} {nodes} from {project.shorten_path(source)} to {report['file']}. Changes:")
    for node in report["nodes"]:
        renamed = "" if node["was"] == node["name"] else f", before {node['was']}"
        console.print(f"\n{node['name']} ({node['cloud']}, {node['region']}, {node['size']}{renamed})")
        for note in node["notes"] or ["only the changes that apply to all nodes"]:
            console.print(f"  - {note}.")
    console.print("\nall nodes")
    for note in report["notes"]:
        console.print(f"  - {note}.")
    if not report["written"]:
        return
    console.print(f"\nAPI keys: {report['keys']['what']}")
    console.print("\nNext:")
    for command, comment in report["next"]:
        console.print(f"  {command:<46} # {comment}")
