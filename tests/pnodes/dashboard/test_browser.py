"""The page as a person has it: in a browser, with what a model could print to do harm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from pnodes.dashboard.report import report, write
from providers.operations import Run, State
from tests.needs_browser import complaints, narrow, requested, wide
from tests.pnodes.dashboard.known import EVIL, TOKEN, Serve, call, world


@pytest.fixture(autouse=True)
def _quiet(chrome: Chrome) -> None:
    chrome.get("about:blank")
    complaints(chrome)
    requested(chrome)


def until(chrome: Chrome, holds: Callable[[], Any], seconds: float = 20) -> Any:
    """What `holds` gives once it gives something."""
    return WebDriverWait(chrome, seconds, 0.05, ignored_exceptions=[IndexError]).until(lambda _: holds())


def one(chrome: Chrome | WebElement, selector: str) -> WebElement:
    return chrome.find_element(By.CSS_SELECTOR, selector)


def texts(chrome: Chrome, selector: str) -> list[str]:
    """What is shown, in one look: between two looks the page may be another."""
    shown = (
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText.replaceAll('\\u00a0', ' '))"
    )
    return [str(each) for each in chrome.execute_script(shown, selector)]


def test_the_page_tells_every_node_and_opens_logs(chrome: Chrome, serve: Serve) -> None:
    serving = serve(world())
    chrome.get(serving.once)
    names = ["alpha", "beta", "gamma", "delta", "epsilon"]
    states = ["submitted, round 371", "failed", "running for 5", "never ran", "cannot be asked"]
    expected = [f"{name} {state}" for name, state in zip(names, states, strict=True)]

    def settled() -> bool:
        found = [text.replace("\n", " ") for text in texts(chrome, ".overview a")]
        return all(text.startswith(words) for text, words in zip(found, expected, strict=True))

    until(chrome, settled)
    assert chrome.current_url == serving.address
    assert "they have expired" in one(chrome, "#node-epsilon .problem").text
    assert texts(chrome, ".clock.open .count")[0].startswith("closes in 4")
    assert one(chrome, "#node-alpha .links a").get_attribute("href") == "https://console.aws.example/alpha"

    one(chrome, "#node-alpha .entry button.log").click()
    until(chrome, lambda: "succeeded" in one(chrome, "#log-said").text)
    # The lines follow the run's state; "done" is the last.
    until(chrome, lambda: "done" in texts(chrome, "#log-lines li > span"))
    assert EVIL in texts(chrome, "#log-lines li > span")
    assert not chrome.find_elements(By.CSS_SELECTOR, "#log-lines script, #log-lines img")
    assert chrome.title == "prediction-nodes/live: prediction nodes"
    assert TOKEN not in chrome.page_source
    one(chrome, "#log-close").click()
    assert not one(chrome, "#log").is_displayed()

    one(chrome, "#node-alpha .links button").click()
    until(chrome, lambda: any("POST pred -> 202 started" in line for line in texts(chrome, "#log-lines li")))
    one(chrome, "#log-lines").send_keys(Keys.ESCAPE)
    asked = requested(chrome)
    assert asked
    assert not [each for each in asked if not each.startswith(("http://127.0.0.1:", "data:", "about:"))]
    assert complaints(chrome) == []


def test_what_happens_is_shown_while_what_is_open_stays_open(chrome: Chrome, serve: Serve) -> None:
    known = world()
    gamma = known.clouds["gamma"]
    chrome.get(serve(known).address)
    entries = "#node-gamma .entry"
    until(chrome, lambda: len(texts(chrome, entries)) == 3)
    first = one(chrome, entries)
    one(first, "summary").click()
    assert "container started" in first.text
    one(chrome, f"{entries} button.log").click()
    until(chrome, lambda: "still at it" in texts(chrome, "#log-lines li > span"))
    gamma.lines.append("nearly there")
    until(chrome, lambda: "nearly there" in texts(chrome, "#log-lines li > span"))

    begun = known.now
    gamma.known[0] = Run(**{**vars(gamma.known[0]), "state": State.FAILED, "stopped": begun, "reason": "exit code 7"})
    until(chrome, lambda: "failed after 5" in one(chrome, "#log-said").text)
    one(chrome, "#log-close").click()
    one(chrome, f"{entries} summary").click()  # closed, and opened again by hand below
    one(chrome, f"{entries} summary").click()
    gamma.known.insert(0, Run("job-new", State.RUNNING, begun, "", begun, None, "new-trigger", "372"))
    gamma.calls.append(call(begun - timedelta(seconds=1), "new-trigger", "job-new"))
    until(chrome, lambda: len(texts(chrome, entries)) == 4)
    assert "round 372" in texts(chrome, entries)[0]
    # What is not new keeps its element, wherever it stands now.
    assert first.id == chrome.find_elements(By.CSS_SELECTOR, entries)[1].id
    assert "exit code 7" in first.text
    assert complaints(chrome) == []


def test_bars_tell_themselves_to_the_keyboard_and_a_telephone_has_no_sideways_scrolling(
    chrome: Chrome, serve: Serve
) -> None:
    chrome.get(serve(world()).address)
    plot = until(chrome, lambda: chrome.find_elements(By.CSS_SELECTOR, "#node-alpha svg.bars")[0])
    assert plot.get_attribute("aria-label").replace("\xa0", " ").startswith("14 runs, from 3 min 18 s to 6 min 42 s")
    plot.send_keys(Keys.ARROW_LEFT)
    assert one(chrome, "#tip").text.replace("\xa0", " ").startswith("round 371,")
    plot.send_keys(Keys.ARROW_LEFT)
    assert "round 370, " in one(chrome, "#tip").text
    narrow(chrome)
    try:
        widths = chrome.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert widths == [390, 390]
    finally:
        wide(chrome)


def test_a_page_whose_program_has_ended_says_so(chrome: Chrome, serve: Serve) -> None:
    serving = serve(world())
    chrome.get(serving.address)
    until(chrome, lambda: "live" in one(chrome, "#fresh").text)
    serving.should_exit = True
    until(chrome, lambda: "is pnodes dashboard still running?" in one(chrome, "#fresh").text)


def test_a_report_opens_from_its_file_and_asks_for_nothing(chrome: Chrome, tmp_path: Path) -> None:
    document, problems = report(world().deployment(), runs=2)
    write(tmp_path / "report.html", document)
    assert problems == ["epsilon: Google Cloud gives no token (they have expired or were withdrawn)."]
    assert TOKEN not in document
    address = (tmp_path / "report.html").as_uri()
    chrome.get(address)
    assert len(chrome.find_elements(By.CSS_SELECTOR, "#node-alpha .entry")) == 8
    assert len(chrome.find_elements(By.CSS_SELECTOR, "#node-alpha .entry a.log")) == 2
    one(chrome, "#node-alpha .entry a.log").click()
    log = one(chrome, "details[open] .lines")
    assert EVIL in log.text
    assert "token=***" in log.text
    assert "owned" not in chrome.title
    asked = [each for each in requested(chrome) if not each.startswith("data:")]
    assert [each.split("#")[0] for each in asked] == [address]
    assert complaints(chrome) == []
