"""Options that several commands share."""

from typing import Annotated

import typer

StackOption = Annotated[str | None, typer.Option("--stack", "-s", help="Stack name; by default the selected one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object instead of text.")]
