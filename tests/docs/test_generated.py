"""The pages that are made from code are those that the code makes now."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from docs.generate.pages import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_one_of_the_code(name: str) -> None:
    made: Callable[[], str] = PAGES[name]
    if os.environ.get("PNODES_REWRITE_PAGES"):
        (DOCS / name).write_text(made(), encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == made(), "run: python -m docs.generate"
