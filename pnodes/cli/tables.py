"""Formats tables for the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table


def wide_console() -> Console:
    """Return a console that is wide enough for tables even in a pipe, for which rich assumes 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=220)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Return a plain table, whose long cells wrap."""
    plain = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        plain.add_column(heading, overflow="fold")
    for row in rows:
        plain.add_row(*(cell.replace("[", "\\[") for cell in row))
    return plain
