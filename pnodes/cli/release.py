"""`pnodes release`: `pulumi up` for one node and what it needs, while edits of other nodes wait."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption
from pnodes.deployed.release import find_targets
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option
from pnodes.urn import split_urn


def release(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name in nodes.yaml.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Bring one node up as nodes.yaml has it: `pulumi up` for its resources and the shared ones that it needs.

    Other nodes stay as they are deployed, whatever nodes.yaml says of them. Exit code 1 when the update fails.
    """
    if as_json and not (dry_run or yes):
        raise UserError("--json goes with --dry-run or --yes.", 2)
    _check_name(node)
    pulumi = Pulumi.find()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("pulumi preview: what would change ..."):
        changes = find_targets(pulumi.preview(stack).get("steps") or [], node)
    if as_json:
        print(json.dumps({"node": node, "changes": changes}, indent=2))
    else:
        console.print(
            f"{node}: nothing to do." if not changes else f"{node}: {len(changes)} changes of it and of what it shares."
        )
        for urn, operation in changes.items() if dry_run else ():
            _, kind, name = split_urn(urn)
            print(f"{operation:<8} {kind} {name}")
    if dry_run or not changes:
        return
    # The engine's own preview and question; it is shown to the person, so it writes where no JSON is.
    asked = ["--yes", "--skip-preview"] if yes else []
    if not yes and not sys.stdin.isatty():
        raise UserError("There is nobody to ask; give --yes.", 2)
    wanted = [part for urn in changes for part in ("--target", urn)]
    pulumi.show("up", *asked, *stack_option(stack), *wanted, stdout=sys.stderr if as_json else None)


def _check_name(node: str) -> None:
    """Check that nodes.yaml has the node, before anything slow. Raises UserError."""
    from nodefile.problems import did_you_mean

    names = [each.name for each in project.load_nodes().nodes]
    if node not in names:
        raise UserError(f'nodes.yaml has no node "{node}".{did_you_mean(node, names)} It has: {", ".join(names)}.', 2)
