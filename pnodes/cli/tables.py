"""Tables on the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table


def wide_console() -> Console:
    """For tables, which are wider than the 80 columns that a pipe counts as."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=220)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A plain table; long cells fold, nothing is cut off."""
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(cell.replace("[", "\\[") for cell in row))
    return drawn
