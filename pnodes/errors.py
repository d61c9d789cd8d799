"""What a person can put right: one sentence on standard error and an exit code, never a traceback.

Exit codes: 1 when something did not work, 2 when what was given is wrong (a file with problems, a bad option).
"""

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from pnodes.engine import EngineError
from providers.operations import OperationsError
from providers.refusal import Refusal


class UserError(Exception):
    """A sentence for the person; `exit_code` is what the command ends with."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class Group(TyperGroup):
    """A command group that turns known errors into their sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            _tell(str(error))
            raise typer.Exit(error.exit_code) from None
        except (EngineError, OperationsError, Refusal) as error:
            _tell(str(error))
            raise typer.Exit(1) from None


def _tell(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True).print("[bold red]error:[/]", end=" ")
    Console(stderr=True, soft_wrap=True).print(sentence, markup=False, highlight=False)
