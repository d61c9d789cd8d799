"""Tables in Markdown, whose cells may contain a bar, and the parts of a page that are written by a program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table that ends with a line break."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def replace_between(page: str, begin: str, end: str, part: str) -> str:
    """Return a page with another part between two marks. Raises ValueError if it does not have each of them once."""
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}{part}{end}{after}"
