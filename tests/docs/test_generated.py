"""The generated pages are up to date."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from docs.generate.pages import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    generate: Callable[[], str] = PAGES[name]
    if os.environ.get("PNODES_REWRITE_PAGES"):
        (DOCS / name).write_text(generate(), encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == generate(), "run: python -m docs.generate"
