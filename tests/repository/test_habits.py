"""What a contributor relies on is true: the packages, the licence, the forms, the hooks and their versions."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib import metadata
from typing import Any

import pytest
import yaml

from pnodes.engine.paths import ROOT
from tests.repository.imports import tracked

FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def read(path: str) -> Any:
    """A YAML file of the repository."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_every_package_is_built_checked_and_measured() -> None:
    rooms = {path.split("/")[0] for path in tracked() if re.fullmatch(r"\w+/__init__\.py", path)}
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    lists = {
        "wheel": tool["hatch"]["build"]["targets"]["wheel"]["packages"],
        "coverage": tool["coverage"]["run"]["source"],
        "isort": tool["ruff"]["lint"]["isort"]["known-first-party"],
        "mypy": tool["mypy"]["files"],
    }
    assert {name: sorted(rooms - set(listed)) for name, listed in lists.items()} == {name: [] for name in lists}


def test_the_licence_is_named_and_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == metadata.metadata("prediction-nodes")["License-Expression"] == "MIT"
    for name in project["license-files"]:
        assert (ROOT / name).read_text(encoding="utf-8").startswith("MIT License\n")


def test_the_changelog_is_kept() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(.+?)\]( - \d{4}-\d{2}-\d{2})?$", text, re.MULTILINE)
    assert releases[0] == ("Unreleased", "")
    assert all(date for _, date in releases[1:])
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert metadata.version("prediction-nodes") in text


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_forms_are_ones_that_github_takes(form: Any) -> None:
    made = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(made)
    ids = [part["id"] for part in made["body"] if part["type"] != "markdown"]
    assert len(ids) == len(set(ids)) > 0
    for part in made["body"]:
        assert part["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert part["attributes"]["value" if part["type"] == "markdown" else "label"]


def test_dependabot_looks_where_dependencies_are() -> None:
    looked: dict[str, set[str]] = {}
    for update in read(".github/dependabot.yml")["updates"]:
        places = update.get("directories") or [update["directory"]]
        looked.setdefault(update["package-ecosystem"], set()).update(place.strip("/") for place in places)
    files = [path for path in tracked() if not path.startswith("tests/")]
    folders = {name: {path.rpartition("/")[0] for path in files if path.rpartition("/")[2] == name}
               for name in ("Dockerfile", "requirements.txt", "go.mod")}  # fmt: skip
    assert looked["docker"] == folders["Dockerfile"]
    assert looked["pip"] == folders["requirements.txt"]
    assert looked["gomod"] == folders["go.mod"]


def test_hooks_run_what_is_there_and_are_pinned() -> None:
    for repo in read(".pre-commit-config.yaml")["repos"]:
        if repo["repo"] != "local":
            assert re.fullmatch(r"v\d+\.\d+\.\d+", repo["rev"])
            continue
        for hook in repo["hooks"]:
            done = subprocess.run([*hook["entry"].split()[:1], "--version"], cwd=ROOT, capture_output=True, check=False)
            assert done.returncode == 0, hook["entry"]
