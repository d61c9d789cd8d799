"""The pages of a first deployment have the same headings, and their files and Pulumi commands exist."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.generate.pages import DOCS
from nodefile.clouds import REGIONS
from pnodes import engine
from pnodes.engine.paths import ROOT
from providers.checks import load_checked
from providers.gcp.services import SERVICES
from providers.images.context import BuildContext

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
def test_the_pages_have_the_same_headings(cloud: str) -> None:
    assert re.findall(r"^## (.*)$", PAGES[cloud], re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("cloud", REGIONS)
def test_the_page_names_exactly_the_permission_files_of_the_cloud(cloud: str) -> None:
    named = set(re.findall(r"permissions/([\w-]+\.\w+)", PAGES[cloud]))
    own = {name for name, _ in importlib.import_module(f"providers.{cloud}.permissions").list_files()}
    # The AWS page builds the names in a shell loop.
    looped = {f"{cloud}-{way}.json" for way in ("drift", "up") if f"permissions/{cloud}-$way" in PAGES[cloud]}
    assert named | looped == own


@pytest.mark.parametrize("cloud", REGIONS)
def test_each_error_has_a_cause_and_a_remedy(cloud: str) -> None:
    table = PAGES[cloud].split("## When it fails\n")[1]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= LEAST_ERRORS
    for row in rows:
        assert len(row) == 3, row
        assert all(len(cell) > 3 or cell.startswith("the same") for cell in row), row


def test_google_services_are_enabled_before_the_first_up() -> None:
    """`up` also enables them, but continues before they are usable everywhere."""
    (enabled,) = re.findall(r"^gcloud services enable --project.*?(?<!\\)$", PAGES["gcp"], re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"(\w+)\.googleapis\.com", enabled)) == {*SERVICES, "serviceusage"}


PYTHON = """#!/bin/sh
case "$*" in
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && printf '#!/bin/sh\\ntest -f "$3"\\n' > .venv/bin/pip
  chmod +x .venv/bin/pip ;;
"train.py") test -f train.py && touch model.joblib && mkdir -p data && touch data/train.parquet ;;
*) exit 1 ;;
esac
"""
"""Stands for Python: creates an environment, and a model file where train.py is run."""


@pytest.mark.parametrize("cloud", REGIONS)
def test_the_node_is_deployed_with_a_trained_model(cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs on Google Cloud and Azure have no room for the training data, which a run without a model downloads."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGES[cloud], re.DOTALL)
    (training,) = (number for number, block in enumerate(blocks) if "train.py" in block)
    (writing,) = (number for number, block in enumerate(blocks) if "cat > nodes.yaml" in block)
    assert training < writing < next(number for number, block in enumerate(blocks) if "pulumi up" in block)

    unwanted = shutil.ignore_patterns("data", "model.joblib", "__pycache__", ".venv")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=unwanted)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(PYTHON)
    (tmp_path / "bin" / "python").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    written = blocks[writing].partition("<<'YAML'\n")[2].partition("YAML\n")[0]
    (tmp_path / "nodes.yaml").write_text(written)
    subprocess.run(["sh", "-ec", blocks[training]], cwd=tmp_path, check=True)
    (node,) = load_checked(tmp_path / "nodes.yaml").nodes
    files = set(BuildContext(node.context, node.dockerfile).files)
    assert "model.joblib" in files
    assert not [file for file in files if file.startswith((".venv/", "data/"))]


def commands() -> list[tuple[str, str]]:
    """Return each Pulumi command with its options, and the cloud of the page."""
    lines = {
        (re.sub(r'"\$\(.*?\)"', "VALUE", line.split("  #")[0]).strip(), cloud)
        for cloud, page in PAGES.items()
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("pulumi ")
    }
    return sorted(lines)


@pytest.fixture(scope="module")
def options() -> dict[str, str]:
    """Cache for the help of each command."""
    return {}


@pytest.mark.parametrize(("command", "cloud"), commands())
def test_commands_of_pulumi_exist(command: str, cloud: str, options: dict[str, str]) -> None:
    words = command.split()[1:]
    verb = words[:2] if words[0] in ("config", "stack") else words[:1]
    help_ = options.get(" ".join(verb))
    if help_ is None:
        arguments = [str(engine.ensure(print).path), *verb, "--help"]
        help_ = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        options[" ".join(verb)] = help_
    assert "Usage:" in help_, cloud
    for word in words:
        if word.startswith("--"):
            assert word in help_, command


def test_other_pages_link_to_the_pages() -> None:
    for page in (ROOT / "README.md", DOCS / "index.md", DOCS / "pull-requests.md"):
        text = page.read_text(encoding="utf-8")
        for cloud in REGIONS:
            assert f"first-deployment-{cloud}.md" in text, page
