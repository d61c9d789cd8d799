"""The command line as a person calls it."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from pnodes.cli.main import app

Pnodes = Callable[..., Result]


@pytest.fixture
def pnodes() -> Pnodes:
    """Runs `pnodes` with arguments."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, list(arguments))
