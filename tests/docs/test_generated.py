"""The pages that are made from code are those that the code makes now; what they explain is what there is."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from docs.generate.keys import KEYS
from docs.generate.pages import DOCS, PAGES
from nodefile import entry


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_one_of_the_code(name: str) -> None:
    made: Callable[[], str] = PAGES[name]
    if os.environ.get("PNODES_REWRITE_PAGES"):
        (DOCS / name).write_text(made(), encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == made(), "run: python -m docs.generate"


def test_each_key_of_nodes_yaml_is_explained() -> None:
    assert KEYS.keys() == entry.KEYS.keys()
    assert all(key.kind and key.clouds and key.example for key in KEYS.values())
