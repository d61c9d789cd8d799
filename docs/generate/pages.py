"""Which pages are generated, and by what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from docs.generate import commands, nodes_yaml, resources, sizes

DOCS = Path(__file__).resolve().parents[1]
PAGES: dict[str, Callable[[], str]] = {
    "nodes-yaml.md": nodes_yaml.page,
    "sizes.md": sizes.page,
    "commands.md": commands.page,
    "resources.md": resources.page,
}


def write() -> None:
    """Write all of them."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
