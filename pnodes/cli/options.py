"""Options that several commands have."""

from typing import Annotated

import typer

StackOption = Annotated[str | None, typer.Option("--stack", "-s", help="The stack; the selected one when left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
