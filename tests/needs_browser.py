"""Tests in a real browser run where Chromium and its driver are installed; elsewhere they are skipped, with the reason.

With PNODES_REQUIRE_BROWSER=1, as on the machine that checks each change, the skip is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

WIDE = (1280, 900)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def browser() -> Iterator[Chrome]:
    """Chromium without a window; it logs the requests that it makes."""
    binary = next((found for name in _NAMES if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        said = "Chromium and its driver are not on PATH (Debian: apt install chromium chromium-driver)"
        if os.environ.get("PNODES_REQUIRE_BROWSER") == "1":
            pytest.fail(f"a browser is required here, but {said}", pytrace=False)
        pytest.skip(f"no browser: {said}")
    options = ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"):
        options.add_argument(argument)
    if os.name == "posix" and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium does not start as root with it
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = Chrome(options=options, service=Service(driver))
    try:
        made.set_window_size(*WIDE)
        yield made
    finally:
        made.quit()


def requested(chrome: Chrome) -> list[str]:
    """The addresses that were asked for since the last call."""
    messages = [json.loads(one["message"])["message"] for one in _log(chrome, "performance")]
    return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


def complaints(chrome: Chrome) -> list[str]:
    """What the browser's console says: errors of scripts, and what the page's policy did not let pass."""
    return [str(one["message"]) for one in _log(chrome, "browser")]


def _log(chrome: Chrome, kind: str) -> list[dict[str, Any]]:
    return list(chrome.get_log(kind))  # type: ignore[no-untyped-call]


def narrow(chrome: Chrome, width: int = 390) -> None:
    """A telephone's width, which a window cannot have."""
    shape = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)


def wide(chrome: Chrome) -> None:
    """The window's own width again."""
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
