"""`pnodes engine`: which Pulumi engine is used, and where it comes from; installs one when there is none."""

import json
from typing import Annotated

import typer
from rich.console import Console

from pnodes.engine import ensure


def engine(as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False) -> None:
    """Show the Pulumi engine that is used, installing one when there is none."""
    tell = Console(stderr=True, highlight=False, soft_wrap=True)
    found = ensure(lambda line: tell.print(line, markup=False))
    if as_json:
        print(json.dumps({"path": str(found.path), "version": str(found.version), "source": found.source}))
    else:
        print(f"{found.path}  Pulumi {found.version}, {found.origin}")
