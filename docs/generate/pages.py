"""The generated pages and their generators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from docs.generate import commands, first_deployment, nodes_yaml, resources, sizes
from nodefile.clouds import REGIONS

DOCS = Path(__file__).resolve().parents[1]
PAGES: dict[str, Callable[[], str]] = {
    "nodes-yaml.md": nodes_yaml.page,
    "sizes.md": sizes.page,
    "commands.md": commands.page,
    "resources.md": resources.page,
}
for _cloud in REGIONS:
    _name = f"first-deployment-{_cloud}.md"
    PAGES[_name] = partial(first_deployment.page, DOCS / _name, _cloud)


def write() -> None:
    """Write all generated pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
