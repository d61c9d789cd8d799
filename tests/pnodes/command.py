"""The command line as a person calls it."""

from collections.abc import Callable

from typer.testing import Result

Pnodes = Callable[..., Result]
