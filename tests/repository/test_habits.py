"""The repository's own rules hold: packages, licence, changelog, issue forms, hooks, and how tests are written."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from pnodes.engine.paths import ROOT
from tests.repository.imports import find_imports, list_modules, list_tracked

# tests/conftest.py is excluded: it has nothing to import, and any `import_module(f"{package}.{name}")` could match it.
SHARES_NOTHING = re.compile(r"\.\w+\.(test_\w+|conftest)$")
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def read(path: str) -> Any:
    """Parse a YAML file of the repository."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_every_package_is_in_the_wheel_the_checks_and_the_coverage() -> None:
    rooms = {path.split("/")[0] for path in list_tracked() if re.fullmatch(r"\w+/__init__\.py", path)}
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    lists = {
        "wheel": tool["hatch"]["build"]["targets"]["wheel"]["packages"],
        "coverage": tool["coverage"]["run"]["source"],
        "isort": tool["ruff"]["lint"]["isort"]["known-first-party"],
        "mypy": tool["mypy"]["files"],
    }
    assert {name: sorted(rooms - set(listed)) for name, listed in lists.items()} == {name: [] for name in lists}


def test_modules_are_short() -> None:
    tables = {"nodefile/node.py", "providers/aws/permissions.py"}
    paths = [path for path in list_tracked() if path.endswith(".py") and not path.startswith("tests/")]
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {path: length for path, length in lengths.items() if length >= 300} == {
        path: lengths[path] for path in tables
    }


def test_the_licence_is_named_and_included() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == metadata.metadata("prediction-nodes")["License-Expression"] == "MIT"
    for name in project["license-files"]:
        assert (ROOT / name).read_text(encoding="utf-8").startswith("MIT License\n")


def test_the_changelog_is_kept() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(.+?)\]( - \d{4}-\d{2}-\d{2})?$", text, re.MULTILINE)
    assert releases[0] == ("Unreleased", "")
    assert not [release for release, date in releases[1:] if not date]
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert metadata.version("prediction-nodes") in text


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_issue_forms_are_valid(form: Any) -> None:
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(content)
    ids = [part["id"] for part in content["body"] if part["type"] != "markdown"]
    assert len(ids) == len(set(ids)) > 0
    for part in content["body"]:
        assert part["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert part["attributes"]["value" if part["type"] == "markdown" else "label"]


def test_dependabot_watches_every_folder_with_dependencies() -> None:
    watched: dict[str, set[str]] = {}
    for update in read(".github/dependabot.yml")["updates"]:
        places = update.get("directories") or [update["directory"]]
        watched.setdefault(update["package-ecosystem"], set()).update(place.strip("/") for place in places)
    files = [path for path in list_tracked() if not path.startswith("tests/")]
    folders = {name: {path.rpartition("/")[0] for path in files if path.rpartition("/")[2] == name}
               for name in ("Dockerfile", "requirements.txt", "go.mod")}  # fmt: skip
    assert watched["docker"] == folders["Dockerfile"]
    assert watched["pip"] == folders["requirements.txt"]
    assert watched["gomod"] == folders["go.mod"]


def test_hooks_exist_and_are_pinned() -> None:
    for repo in read(".pre-commit-config.yaml")["repos"]:
        if repo["repo"] != "local":
            assert re.fullmatch(r"v\d+\.\d+\.\d+", repo["rev"])
            continue
        for hook in repo["hooks"]:
            done = subprocess.run([*hook["entry"].split()[:1], "--version"], cwd=ROOT, capture_output=True, check=False)
            assert done.returncode == 0, hook["entry"]


def test_shared_test_code_is_in_helper_modules() -> None:
    """No test, helper or conftest imports another test module or a conftest: helpers and fixtures have modules of
    their own, named by what they hold (fixtures: `fixtures.py`), from which each conftest imports the fixtures of its
    folder and names them in `__all__`."""
    tests = list_modules("tests")
    used = {name: {other for other in find_imports(name, tests) if SHARES_NOTHING.search(other)} for name in tests}
    assert {name: others for name, others in used.items() if others} == {}


def test_assertions_show_the_text_that_they_search() -> None:
    """`assert (code, "x" in text) == (1, True)` fails with `(0, False)`, and the text that would say why is lost."""
    assert [place for name, path in list_modules("tests").items() for place in find_hiding_assertions(name, path)] == []


def find_hiding_assertions(name: str, path: Path) -> Iterator[str]:
    """Yield the assertions that compare a tuple or list that contains an `in` or `not in` test."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
            groups = [
                side for side in (node.test.left, *node.test.comparators) if isinstance(side, ast.Tuple | ast.List)
            ]
            values = [value for group in groups for value in group.elts if isinstance(value, ast.Compare)]
            if any(isinstance(operator, ast.In | ast.NotIn) for value in values for operator in value.ops):
                yield f"{name}:{node.lineno}"
