"""The dashboard after a round of three nodes on three clouds, in a browser and as a file."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.e2e.nodes import CLOUDS, spread
from tests.e2e.person import Person
from tests.e2e.world import SUBMITTING_PREDICT, MakeWorld, World
from tests.needs_browser import browser, complaints, requested

pytestmark = pytest.mark.e2e
NASTY = "<script>document.title = 'owned'</script>"


@contextmanager
def dashboard(world: World) -> Iterator[str]:
    """Start a dashboard and yield its URL; end it with Ctrl-C and check that it prints no error."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from pnodes.cli.main import run; run()", "dashboard", "--no-browser"],
        cwd=world.project,
        env={**world.cli.env, "PYTHONPATH": ":".join(sys.path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:\d+/\S+", line)
        assert match, line + (process.communicate()[1] if process.poll() is not None else "")
        yield match[0]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert errors == ""
    finally:
        process.kill()


def shown(chrome: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent.replace(/\\s+/g, ' '))"
    return [str(text).strip() for text in chrome.execute_script(script, selector)]


def log_lines(chrome: Chrome, last: str) -> list[str]:
    """Return the lines in the log panel once `last` is among them; they arrive one by one, after the run's state."""

    def lines(_: Chrome) -> list[str] | Literal[False]:
        present = shown(chrome, "#log-lines li > span")
        return present if last in present else False

    return WebDriverWait(chrome, 60, 0.1).until(lines, f"the log never showed {last!r}")


def test_a_round_is_seen_on_the_page_and_kept_in_a_file(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world("nodes: {}\n")
    token = "printed by the model: token=abcdefghijklmnop"
    world.model(
        "quick",
        SUBMITTING_PREDICT.replace('print("submitted"', f'print({NASTY!r}); print({token!r}); print("submitted"'),
    )
    world.nodes(spread(world))
    world.cli.up()
    opened = world.control.post("/open-round", json={"tournament": "classic"}).json()
    number = opened["round"]
    assert {call["status"] for call in opened["triggers"] if call["seconds"]} >= {202}
    world.finished(3)
    keys = [world.daemon["numerai"]["secret_key"], *_tokens(world)]

    with browser() as chrome, dashboard(world) as address:
        chrome.get(address)
        wait = WebDriverWait(chrome, 60, 0.1)
        wait.until(lambda _: shown(chrome, ".nodes .pill") == ["submitted"] * 3)
        assert shown(chrome, '.nodes [data-label="round"]') == [str(number)] * 3

        def reached(card: str, _driver: Chrome) -> bool:
            return "webhook called" in " ".join(shown(chrome, f"{card} .steps li"))

        def counted(card: str, _driver: Chrome) -> list[str]:
            return shown(chrome, f"{card} .cells .on-time")

        for cloud in CLOUDS:
            card = f"#node-on-{cloud}"
            chrome.find_element(By.CSS_SELECTOR, f"#row-on-{cloud} a").click()
            wait.until(partial(reached, card))
            wait.until(partial(counted, card))
            steps = " ".join(shown(chrome, f"{card} .steps li"))
            for step in (
                "webhook called, answered 202 started",
                "container started",
                "finished, after",
                "on time, with this trigger's id",
            ):
                assert step in steps, steps
            assert shown(chrome, f"{card} .entry .when")[0].endswith(f"round {number}")
            assert shown(chrome, f"{card} .pill") == [f"submitted, round {number}"]
            assert re.search(r"1 runs?, from \d+ s to \d+ s", shown(chrome, f"{card} .caption")[0])
            assert f"round {number} submitted" in shown(chrome, f"{card} .cells .on-time")[-1]
            facts = shown(chrome, f"{card} .facts li")
            assert [fact for fact in facts if fact.endswith("USD so far")], facts

            chrome.find_element(By.CSS_SELECTOR, f"{card} .entry button.log").click()
            wait.until(lambda _: "succeeded after" in chrome.find_element(By.ID, "log-status").text)
            lines = log_lines(chrome, last="submitted")
            assert lines[0] == f"predicting on-{cloud}"
            assert NASTY in lines
            assert "printed by the model: token=***" in lines
            chrome.find_element(By.ID, "log-close").click()
            chrome.find_element(By.CSS_SELECTOR, f"{card} .back a").click()
        assert f"round {number} is open" in shown(chrome, ".clock .headline")
        assert "3 of 3 nodes submitted on time" in shown(chrome, ".clock .detail")
        assert chrome.title.startswith("prediction-nodes")
        assert not [secret for secret in keys if secret in chrome.page_source]
        assert complaints(chrome) == []

        output = Person(world).pnodes("dashboard", "--export", str(tmp_path / "report.html"))
        assert "a single file" in output
        report = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert not [secret for secret in keys if secret in report]
        requested(chrome)
        chrome.get((tmp_path / "report.html").as_uri())
        assert len(shown(chrome, ".entry")) == 3
        assert NASTY in " ".join(shown(chrome, "pre.lines"))
        external = [url for url in requested(chrome) if not url.startswith(("data:", address))]
        assert external == [(tmp_path / "report.html").as_uri()]
        assert complaints(chrome) == []


def _tokens(world: World) -> list[str]:
    webhooks = world.cli.outputs()["webhooks"]
    return [webhook.rpartition("token=")[2] for webhook in webhooks.values()]
