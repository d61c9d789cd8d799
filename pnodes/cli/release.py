"""`pnodes release`: runs `pulumi up` for one node and the shared resources, without the edits of other nodes."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.deployed.release import find_targets
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option
from pnodes.urn import split_urn
from pnodes.wording import plural


def release(
    node: Annotated[
        str, typer.Argument(autocompletion=complete_node, metavar="NODE", help="Name of the node in nodes.yaml.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the changes without making them.")] = False,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Deploy one node as described in nodes.yaml: run `pulumi up` for its own and the shared resources.

    Other nodes stay as deployed, even if nodes.yaml has changed. Exits with 1 if the update fails.
    """
    if as_json and not (dry_run or yes):
        raise UserError("--json requires --dry-run or --yes.", 2)
    _check_name(node)
    pulumi = Pulumi.find()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("pulumi preview: what would change ..."):
        changes = find_targets(pulumi.preview(stack).get("steps") or [], node)
    if as_json:
        print(json.dumps({"node": node, "changes": changes}, indent=2))
    else:
        console.print(
            f"{node}: nothing to do."
            if not changes
            else f"{node}: {plural(len(changes), 'change')} of its own and the shared resources."
        )
        for urn, operation in changes.items() if dry_run else ():
            _, kind, name = split_urn(urn)
            print(f"{operation:<8} {kind} {name}")
    if dry_run or not changes:
        return
    # Without --yes, the engine shows its own preview and asks. With --json, its output goes to standard error.
    confirmation = ["--yes", "--skip-preview"] if yes else []
    if not yes and not sys.stdin.isatty():
        raise UserError("Without a terminal, nobody can confirm the update; give --yes.", 2)
    targets = [part for urn in changes for part in ("--target", urn)]
    pulumi.show("up", *confirmation, *stack_option(stack), *targets, stdout=sys.stderr if as_json else None)


def _check_name(node: str) -> None:
    """Check that nodes.yaml has the node, before the slow preview. Raises UserError."""
    from nodefile.problems import did_you_mean

    names = [entry.name for entry in project.load_nodes().nodes]
    if node not in names:
        raise UserError(f'nodes.yaml has no node "{node}".{did_you_mean(node, names)} It has: {", ".join(names)}.', 2)
