"""The site that `make docs` builds: no link leads out of it, code can be copied, and no line of code is cut off."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT
from tests.needs_browser import browser

SPHINX = ROOT / ".tools" / "docs" / "bin" / "python"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site of a checkout whose repository has no address on the web."""
    if not SPHINX.exists():
        pytest.skip("`make docs` installs Sphinx")
    folder = tmp_path_factory.mktemp("site")
    env = {name: value for name, value in os.environ.items() if name != "GITHUB_REPOSITORY"}
    env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "remote.origin.url", "GIT_CONFIG_VALUE_0": "/a/folder"}
    command = [str(SPHINX), "-m", "sphinx", "-q", "-W", "-b", "html", "-d", str(folder / "doctrees"), "docs"]
    done = subprocess.run([*command, str(folder / "html")], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_link_leads_to_a_file_of_the_site_or_to_the_web(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text()):
            if not link.startswith(("https://", "http://", "mailto:", "data:")):
                target = (page.parent / link).resolve()
                assert target.is_relative_to(site.resolve()), f"{page.name}: {link}"
                assert target.exists(), f"{page.name}: {link}"


def test_code_wraps_and_can_be_copied(site: Path) -> None:
    page = (site / "getting-started.html").read_text()
    assert "_static/copybutton.js" in page
    assert "_static/site.css" in page
    assert "white-space: pre-wrap" in (site / "_static" / "site.css").read_text()


def test_no_line_of_code_is_cut_off(site: Path) -> None:
    with browser() as chrome:
        chrome.set_window_size(1400, 900)
        for page in ("getting-started", "coming-from-numerai-cli", "first-deployment-aws", "commands"):
            chrome.get((site / f"{page}.html").as_uri())
            widths = "return [...document.querySelectorAll('pre')].map(pre => [pre.scrollWidth, pre.clientWidth])"
            widths_of_code: list[list[int]] = chrome.execute_script(widths)
            assert widths_of_code, page
            assert [pair for pair in widths_of_code if pair[0] > pair[1]] == [], page
