"""The page in a browser, with log lines that try to inject script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from pnodes.atomic import write
from pnodes.dashboard.report import build_report
from providers.operations import Run, State
from tests.needs_browser import complaints, narrow, requested, wide
from tests.pnodes.dashboard.fake_world import EVIL, TOKEN, Serve, call, make_world


@pytest.fixture(autouse=True)
def _quiet(chrome: Chrome) -> None:
    chrome.get("about:blank")
    complaints(chrome)
    requested(chrome)


def until(chrome: Chrome, holds: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until `holds` returns a true value, and return it."""
    # The page replaces what has changed, perhaps between finding an element and reading it.
    passing = [IndexError, StaleElementReferenceException]
    return WebDriverWait(chrome, seconds, 0.05, ignored_exceptions=passing).until(lambda _: holds())


def find(chrome: Chrome | WebElement, selector: str) -> WebElement:
    return chrome.find_element(By.CSS_SELECTOR, selector)


def texts(chrome: Chrome, selector: str) -> list[str]:
    """Return the visible texts of the matching elements at one moment, since the page may change between two calls."""
    script = (
        "return [...document.querySelectorAll(arguments[0])].map((item) => item.innerText.replaceAll('\\u00a0', ' '))"
    )
    return [str(text) for text in chrome.execute_script(script, selector)]


def names(chrome: Chrome) -> list[str]:
    """Return the names in the table's visible rows."""
    return [name for name in texts(chrome, ".nodes tbody tr:not([hidden]) th a") if name]


def test_the_page_shows_every_node_and_opens_logs(chrome: Chrome, serve: Serve) -> None:
    serving = serve(make_world())
    chrome.get(serving.one_time_address)
    assert names(chrome) == ["alpha", "beta", "gamma", "delta", "epsilon"]
    expected = ["submitted", "failed", "running for 6", "never ran", "not reachable"]

    def settled() -> bool:
        shown = texts(chrome, ".nodes .pill:first-child")
        return all(text.startswith(words) for text, words in zip(shown, expected, strict=True))

    until(chrome, settled)
    assert chrome.current_url == serving.address
    assert "they have expired" in find(chrome, "#row-epsilon .why").text
    assert "exit code 1" in find(chrome, "#row-beta .why").text
    assert texts(chrome, ".clock.open .count")[0].startswith("closes in 4")

    find(chrome, "#row-alpha a").click()
    until(chrome, lambda: chrome.find_elements(By.CSS_SELECTOR, "#node-alpha .entry button.log"))
    assert not find(chrome, "table.nodes").is_displayed()
    assert chrome.switch_to.active_element.text == "alpha"
    assert find(chrome, "#node-alpha .links a").get_attribute("href") == "https://console.aws.example/alpha"
    find(chrome, "#node-alpha .entry button.log").click()
    until(chrome, lambda: "succeeded" in find(chrome, "#log-status").text)
    # The lines arrive after the run's state; "done" is the last one.
    until(chrome, lambda: "done" in texts(chrome, "#log-lines li > span"))
    assert EVIL in texts(chrome, "#log-lines li > span")
    assert not chrome.find_elements(By.CSS_SELECTOR, "#log-lines script, #log-lines img")
    assert chrome.title == "prediction-nodes/live: prediction nodes"
    assert TOKEN not in chrome.page_source
    find(chrome, "#log-close").click()
    assert not find(chrome, "#log").is_displayed()

    find(chrome, "#node-alpha .links button").click()
    until(chrome, lambda: any("POST pred -> 202 started" in line for line in texts(chrome, "#log-lines li")))
    find(chrome, "#log-lines").send_keys(Keys.ESCAPE)
    assert not find(chrome, "#log").is_displayed()
    assert find(chrome, "#node-alpha").is_displayed(), "Escape closes the log alone"
    find(chrome, "body").send_keys(Keys.ESCAPE)
    until(chrome, lambda: find(chrome, "table.nodes").is_displayed())
    assert chrome.switch_to.active_element.text == "alpha", "the focus is back on the node's link"
    addresses = requested(chrome)
    assert addresses
    assert not [address for address in addresses if not address.startswith(("http://127.0.0.1:", "data:", "about:"))]
    assert complaints(chrome) == []


def test_updates_appear_and_open_details_stay_open(chrome: Chrome, serve: Serve) -> None:
    world = make_world()
    gamma = world.clouds["gamma"]
    chrome.get(serve(world).address + "#node-gamma")
    entries = "#node-gamma .entry"
    until(chrome, lambda: len(texts(chrome, entries)) == 3)
    first = find(chrome, entries)
    find(first, "summary").click()
    assert "container started" in first.text
    find(chrome, f"{entries} button.log").click()
    until(chrome, lambda: "still at it" in texts(chrome, "#log-lines li > span"))
    gamma.lines.append("nearly there")
    until(chrome, lambda: "nearly there" in texts(chrome, "#log-lines li > span"))

    begun = world.now
    gamma.listed[0] = Run(**{**vars(gamma.listed[0]), "state": State.FAILED, "stopped": begun, "reason": "exit code 7"})
    until(chrome, lambda: "failed after 5" in find(chrome, "#log-status").text)
    find(chrome, "#log-close").click()
    find(chrome, f"{entries} summary").click()  # close it, and open it again below
    find(chrome, f"{entries} summary").click()
    gamma.listed.insert(0, Run("job-new", State.RUNNING, begun, "", begun, None, "new-trigger", "372"))
    gamma.calls.append(call(begun - timedelta(seconds=1), "new-trigger", "job-new"))
    until(chrome, lambda: len(texts(chrome, entries)) == 4)
    assert "round 372" in texts(chrome, entries)[0]
    # The older entry keeps its element at its new position.
    assert first.id == chrome.find_elements(By.CSS_SELECTOR, entries)[1].id
    assert "exit code 7" in first.text
    assert complaints(chrome) == []


def test_arrow_keys_read_the_bars_and_a_narrow_screen_does_not_scroll_sideways(chrome: Chrome, serve: Serve) -> None:
    chrome.get(serve(make_world()).address + "#node-alpha")
    # The first bars may show durations with the time before the start, until a later answer corrects them.
    label = "14 runs, from 3 min 18 s to 6 min 42 s".replace(" min", "\xa0min").replace(" s", "\xa0s")
    plot = until(
        chrome, lambda: chrome.find_elements(By.CSS_SELECTOR, f'#node-alpha svg.bars[aria-label^="{label}"]')[0]
    )
    plot.send_keys(Keys.ARROW_LEFT)
    assert find(chrome, "#tip").text.replace("\xa0", " ").startswith("round 371,")
    plot.send_keys(Keys.ARROW_LEFT)
    assert "round 370, " in find(chrome, "#tip").text
    narrow(chrome)
    try:
        for place in ("node-alpha", "nodes"):
            chrome.execute_script("location.hash = arguments[0]", place)
            widths = chrome.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
            assert widths == [390, 390], place
    finally:
        wide(chrome)


def test_the_table_is_searched_filtered_and_sorted_by_keyboard_and_keeps_this_when_it_is_refreshed(
    chrome: Chrome, serve: Serve
) -> None:
    world = make_world()
    chrome.get(serve(world).address)
    until(chrome, lambda: "running" in find(chrome, "#row-gamma").text)
    heading = find(chrome, '.nodes [data-sort="1"]')
    heading.send_keys(Keys.ENTER)
    order = ["beta", "epsilon", "gamma", "alpha", "delta"]
    assert names(chrome) == order
    assert find(chrome, ".nodes th[aria-sort]").get_attribute("aria-sort") == "ascending"
    heading.send_keys(Keys.SPACE)
    assert find(chrome, ".nodes th[aria-sort]").get_attribute("aria-sort") == "descending"
    assert names(chrome)[:2] == ["delta", "alpha"]
    find(chrome, '[data-by="tournament"]').send_keys("classic")
    assert names(chrome) == ["alpha", "gamma", "beta"]
    assert find(chrome, "#count").text == "3 of 5 nodes"
    search = find(chrome, "#search")
    search.send_keys("Google beta")
    assert names(chrome) == ["beta"]

    world.clouds["beta"].listed[0] = replace(world.clouds["beta"].listed[0], reason="exit code 137")
    until(chrome, lambda: "exit code 137" in find(chrome, "#row-beta").text)
    assert names(chrome) == ["beta"]
    assert chrome.switch_to.active_element == search
    search.send_keys("x")
    assert names(chrome) == []
    assert find(chrome, "#count").text == "No node matches the search and the filters."
    find(chrome, '.tools [type="reset"]').click()
    until(chrome, lambda: len(names(chrome)) == 5)
    assert complaints(chrome) == []


def test_the_page_says_when_the_server_has_stopped(chrome: Chrome, serve: Serve) -> None:
    serving = serve(make_world())
    chrome.get(serving.address)
    until(chrome, lambda: "live" in find(chrome, "#fresh").text)
    serving.should_exit = True
    until(chrome, lambda: "is pnodes dashboard still running?" in find(chrome, "#fresh").text)


def test_a_report_opens_from_its_file_and_loads_nothing_else(chrome: Chrome, tmp_path: Path) -> None:
    document, problems = build_report(make_world().deployment(), runs=2)
    write(tmp_path / "report.html", document)
    assert problems == ["epsilon: Google Cloud gives no token (they have expired or were withdrawn)."]
    assert TOKEN not in document
    address = (tmp_path / "report.html").as_uri()
    chrome.get(address)
    assert len(names(chrome)) == 5
    find(chrome, "#row-alpha a").click()
    assert len(chrome.find_elements(By.CSS_SELECTOR, "#node-alpha .entry")) == 6
    assert len(chrome.find_elements(By.CSS_SELECTOR, "#node-alpha .entry a.log")) == 2
    find(chrome, "#node-alpha .entry a.log").click()
    log = until(chrome, lambda: find(chrome, "details[open] .lines"))
    assert EVIL in log.text
    assert "token=***" in log.text
    assert "owned" not in chrome.title
    loaded = [url for url in requested(chrome) if not url.startswith("data:")]
    assert [url.split("#")[0] for url in loaded] == [address]
    assert complaints(chrome) == []
