"""Fifty nodes in a browser: at every width, in light and dark mode, for a screen reader, and as pictures for the docs.

With PNODES_REWRITE_PAGES=1, the pictures in docs/dashboard are taken again.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from benchmarks.dashboard import FILE_BYTES, Fleet
from pnodes.dashboard.report import build_report
from tests.needs_browser import complaints, wide

DOCS = Path(__file__).parents[3] / "docs" / "dashboard"
NODE = "#node-basin-1"
PICTURES = {
    "table.webp": (1280, 820, "light", ""),
    "table-dark.webp": (1024, 700, "dark", ""),
    "node.webp": (1280, 820, "light", NODE),
    "phone.webp": (390, 780, "light", NODE),
}


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of the report of fifty nodes with ninety days of rounds."""
    document, problems = build_report(Fleet(datetime.now(UTC)).deploy(), runs=3)
    assert problems == []
    assert len(document.encode()) < FILE_BYTES
    return _write(tmp_path_factory, document)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a report of twelve nodes, which the browser explains faster."""
    return _write(tmp_path_factory, build_report(Fleet(datetime.now(UTC), 12, 30).deploy(), runs=1)[0])


def _write(folders: pytest.TempPathFactory, document: str) -> str:
    path = folders.mktemp("report") / "report.html"
    path.write_text(document, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def screen(chrome: Chrome) -> Iterator[Chrome]:
    """Return the browser, with the window's own width again afterwards."""
    yield chrome
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    wide(chrome)


def show(chrome: Chrome, address: str, width: int, height: int, mode: str) -> None:
    shape = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    features = [{"name": "prefers-color-scheme", "value": mode}, {"name": "prefers-reduced-motion", "value": "reduce"}]
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    chrome.get("about:blank")
    chrome.get(address)


def read_tree(chrome: Chrome) -> list[tuple[str, str]]:
    """Return the role and the name of what a screen reader is told."""
    nodes: list[dict[str, Any]] = chrome.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    told = [node for node in nodes if not node["ignored"]]
    return [(node["role"]["value"], node.get("name", {}).get("value", "").replace("\xa0", " ")) for node in told]


@pytest.mark.parametrize("width", [390, 768, 1024, 1400])
def test_nothing_is_wider_than_the_screen_in_either_mode(screen: Chrome, report: str, width: int) -> None:
    backgrounds = set()
    for mode in ("light", "dark"):
        for place in ("", NODE):
            show(screen, report + place, width, 900, mode)
            fits = screen.execute_script("return document.documentElement.scrollWidth <= innerWidth")
            background = screen.execute_script("return getComputedStyle(document.body).backgroundColor")
            assert fits, (mode, place)
            backgrounds.add(background)
    assert len(backgrounds) == 2
    assert complaints(screen) == []


@pytest.mark.parametrize("width", [390, 1400])
def test_a_screen_reader_is_told_of_a_table_and_of_every_control(screen: Chrome, report: str, width: int) -> None:
    show(screen, report, width, 900, "light")
    tree = read_tree(screen)
    assert [name for role, name in tree if role == "columnheader"][:4] == ["node", "state", "round", "reason"]
    assert len([role for role, _ in tree if role == "rowheader"]) == 12
    assert ("searchbox", "Search") in tree
    assert screen.execute_script("return document.querySelector('[role=status]').innerText") == "12 of 12 nodes"
    controls = ("button", "link", "combobox", "searchbox")
    assert [role for role, name in tree if role in controls and not name] == []


def test_a_click_away_are_the_charts_and_the_rounds(screen: Chrome, report: str) -> None:
    show(screen, report + NODE, 1400, 900, "light")
    tree = read_tree(screen)
    charts = [name for role, name in tree if role == "image" and "arrow keys" in name]
    assert [name.partition(" ")[2].split(",")[0] for name in charts] == ["runs", "rounds"]
    summaries = screen.execute_script(
        f"return [...document.querySelectorAll('{NODE} summary')].map((s) => s.innerText)"
    )
    assert [text for text in summaries if text.startswith("Rounds: ") and "rounds in time" in text], summaries
    assert [text for text in summaries if text.startswith("Alerts: ")], summaries
    assert screen.execute_script("return document.querySelector('#table').offsetHeight") == 0


def test_disabled_nodes_are_marked(screen: Chrome, report: str) -> None:
    show(screen, report, 1400, 900, "light")
    script = "return [...document.querySelectorAll('tr[data-kind=disabled] .pill')].map((pill) => pill.innerText)"
    assert screen.execute_script(script) == ["disabled"]


@pytest.mark.parametrize("name", PICTURES)
def test_the_docs_have_a_picture(screen: Chrome, fifty: str, name: str) -> None:
    width, height, mode, place = PICTURES[name]
    show(screen, fifty + place, width, height, mode)
    options = {"format": "webp", "quality": 60}
    picture = base64.b64decode(screen.execute_cdp_cmd("Page.captureScreenshot", options)["data"])
    assert 5_000 < len(picture) < 100_000
    if os.environ.get("PNODES_REWRITE_PAGES") == "1":
        DOCS.mkdir(exist_ok=True)
        (DOCS / name).write_bytes(picture)
    assert (DOCS / name).stat().st_size < 100_000
    assert f"](dashboard/{name})" in (DOCS.parent / "dashboard.md").read_text(encoding="utf-8")
