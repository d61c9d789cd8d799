"""The pages of a first deployment have one shape, and name what there is: files, settings, commands of pulumi."""

from __future__ import annotations

import re
import subprocess

import pytest

from docs.generate.pages import DOCS
from nodefile.clouds import REGIONS
from pnodes import engine
from pnodes.engine.paths import ROOT
from providers.clouds import find_cloud
from providers.gcp.services import SERVICES

HEADINGS = [
    "What you need",
    "Permissions",
    "Quotas",
    "The commands",
    "What it costs",
    "Taking it down",
    "When it fails",
]
PAGES = {cloud: (DOCS / f"first-deployment-{cloud}.md").read_text(encoding="utf-8") for cloud in REGIONS}
LEAST_ERRORS = 12


@pytest.mark.parametrize("cloud", REGIONS)
def test_one_shape(cloud: str) -> None:
    assert re.findall(r"^## (.*)$", PAGES[cloud], re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("cloud", REGIONS)
def test_each_permission_file_of_the_cloud_is_told_and_no_other(cloud: str) -> None:
    named = set(re.findall(r"permissions/([\w-]+\.\w+)", PAGES[cloud]))
    own = {name for name, _ in find_cloud(cloud).permission_files()}
    # AWS's are put together in a loop over the ways of running.
    looped = {f"{cloud}-{way}.json" for way in ("drift", "up") if f"permissions/{cloud}-$way" in PAGES[cloud]}
    assert named | looped == own


@pytest.mark.parametrize("cloud", REGIONS)
def test_errors_say_why_and_what_to_do(cloud: str) -> None:
    table = PAGES[cloud].split("## When it fails\n")[1]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= LEAST_ERRORS
    for row in rows:
        assert len(row) == 3, row
        assert all(len(cell) > 3 or cell.startswith("the same") for cell in row), row


def test_google_s_services_are_switched_on_before_the_first_up() -> None:
    """Those that `up` switches on itself are not known everywhere when it goes on, a moment later."""
    (enabled,) = re.findall(r"^gcloud services enable --project.*?(?<!\\)$", PAGES["gcp"], re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"(\w+)\.googleapis\.com", enabled)) == {*SERVICES, "serviceusage"}


def commands() -> list[tuple[str, str]]:
    """Each command of pulumi with its options, and the page."""
    found = {
        (re.sub(r'"\$\(.*?\)"', "VALUE", line.split("  #")[0]).strip(), cloud)
        for cloud, page in PAGES.items()
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("pulumi ")
    }
    return sorted(found)


@pytest.fixture(scope="module")
def options() -> dict[str, str]:
    """The help of each command that is used."""
    return {}


@pytest.mark.parametrize(("command", "cloud"), commands())
def test_commands_of_pulumi_exist(command: str, cloud: str, options: dict[str, str]) -> None:
    words = command.split()[1:]
    verb = words[:2] if words[0] in ("config", "stack") else words[:1]
    known = options.get(" ".join(verb))
    if known is None:
        asked = [str(engine.ensure(print).path), *verb, "--help"]
        known = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        options[" ".join(verb)] = known
    assert "Usage:" in known, cloud
    for word in words:
        if word.startswith("--"):
            assert word in known, command


def test_the_pages_are_where_a_reader_looks() -> None:
    for page in (ROOT / "README.md", DOCS / "index.md", DOCS / "pull-requests.md"):
        text = page.read_text(encoding="utf-8")
        for cloud in REGIONS:
            assert f"first-deployment-{cloud}.md" in text, page
