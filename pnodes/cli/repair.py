"""`pnodes repair`: makes a stack usable again after an `up` whose engine was killed."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import StackOption
from pnodes.deployed import interrupted
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi


def repair(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    stack: StackOption = None,
) -> None:
    """After a killed `pulumi up`: unlock the stack, and adopt what was created but not recorded. Then run `pulumi up`.

    Also repairs the files of a local state that a kill has left unreadable. Lists the resources that may exist and
    that only the cloud can find. Make sure first that no other `up` is running: its lock is removed, too.
    """
    pulumi = Pulumi.find()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError("Without a terminal, nobody can confirm that no other `up` is running; give --yes.", 2)
        typer.confirm("Is no other update of this stack running?", abort=True)
    for sentence in interrupted.mend_state(pulumi, stack):
        console.print(sentence, markup=False)
    interrupted.unlock(pulumi, stack)
    for resource, recorded in interrupted.adopt(pulumi, stack):
        if resource.again:
            console.print(f"{resource}: `pulumi up` makes it again, without harm.", markup=False)
        elif resource.id is None:
            console.print(f"{resource}: may exist, and only the cloud knows its id; look for it there.", markup=False)
        else:
            state = "exists, and is now in the state" if recorded else "does not exist"
            console.print(f"{resource}: {state}.", markup=False)
    console.print("The stack is repaired; run `pulumi up`.")
