"""Errors that the user can fix: one sentence on standard error and an exit code, never a traceback.

Exit codes: 1 for a failed operation, 2 for invalid input (a file with problems, a bad option).
"""

from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from pnodes.engine import EngineError
from providers.operations import OperationsError
from providers.refusal import Refusal


class UserError(Exception):
    """An error message for the user, and the command's exit code."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class Group(TyperGroup):
    """A command group that prints expected errors as a sentence."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            _print_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except (EngineError, OperationsError, Refusal) as error:
            _print_error(str(error))
            raise typer.Exit(1) from None


def _print_error(sentence: str) -> None:
    Console(stderr=True, soft_wrap=True).print("[bold red]error:[/]", end=" ")
    Console(stderr=True, soft_wrap=True).print(sentence, markup=False, highlight=False)
