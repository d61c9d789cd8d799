"""What a contributor relies on is true: the map of the rooms, the licence, the forms, the hooks and their versions."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pytest
import yaml

from pnodes.engine.paths import ROOT

FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def tracked() -> list[str]:
    """The files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is not a checkout")
    return [path for path in listed.stdout.splitlines() if (ROOT / path).exists()]


def read(path: str) -> Any:
    """A YAML file of the repository."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def mapped() -> dict[str, set[str] | None]:
    """The rooms of the map, each with those that it may use; None where that is not a list."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \|.*\| ?(.*?) \|$", text, re.MULTILINE)
    return {name: None if used.startswith("all") else set(used.split(", ")) - {""} for name, used in rows}


def imported(path: str) -> Iterator[str]:
    """The top-level names that a module imports."""
    for found in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(found, ast.Import):
            yield from (name.name.partition(".")[0] for name in found.names)
        elif isinstance(found, ast.ImportFrom) and found.module:
            yield found.module.partition(".")[0]


def test_the_map_of_the_rooms_is_the_tree() -> None:
    rooms = {path.partition("/")[0] for path in tracked() if "/" in path and not path.startswith(".")}
    assert sorted(mapped()) == sorted(rooms), "the table on top of CONTRIBUTING.md has one line for each folder"


def test_rooms_use_only_what_the_map_says() -> None:
    rooms = mapped()
    for path in tracked():
        room = path.partition("/")[0]
        if path.endswith(".py") and room in rooms and room not in {"tests", "docs", "examples"}:
            allowed = rooms[room]
            used = set(imported(path)) & set(rooms) - {room}
            assert "tests" not in used, path
            assert "sandbox" not in used, path
            assert allowed is None or used <= allowed, f"{path} uses {used - (allowed or set())}; see CONTRIBUTING.md"


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
