"""`pnodes engine`: shows the Pulumi engine in use and its origin; installs one if there is none."""

import json

from rich.console import Console

from pnodes.cli.options import AsJson
from pnodes.engine import ensure


def engine(as_json: AsJson = False) -> None:
    """Show the Pulumi engine in use; install one if there is none."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    pulumi = ensure(lambda line: console.print(line, markup=False))
    if as_json:
        print(json.dumps({"path": str(pulumi.path), "version": str(pulumi.version), "source": pulumi.source}))
    else:
        print(f"{pulumi.path}  Pulumi {pulumi.version}, {pulumi.origin}")
