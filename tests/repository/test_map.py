"""The map in CONTRIBUTING.md matches the tree: the folders, and the imports that each folder may have."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from nodefile.clouds import REGIONS
from pnodes.engine.paths import ROOT
from tests.repository.imports import find_cycle, find_imports, list_modules, list_tracked

PACKAGES = ("nodefile", "trigger", "providers", "pnodes", "policies", "sandbox")
PRODUCT = PACKAGES[:-1]


def read_map() -> dict[str, set[str]]:
    """Return the folders on the map, each with those that it may import."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/]+)/` \|.*\| ?(.*?) \|$", text, re.MULTILINE)
    return {name: set(re.findall(r"\w+", used)) for name, used in rows}


def test_every_folder_is_on_the_map() -> None:
    rooms = {path.partition("/")[0] for path in list_tracked() if "/" in path and not path.startswith(".")}
    assert {name.partition("/")[0] for name in read_map()} == rooms
    inside = {
        f"{room}/{path.split('/')[1]}"
        for room in ("providers", "pnodes")
        for path in list_tracked()
        if path.startswith(f"{room}/") and path.count("/") > 1
    }
    assert {name for name in read_map() if "/" in name} == inside


def test_the_root_is_small() -> None:
    folders = {path.partition("/")[0] for path in list_tracked() if "/" in path and not path.startswith(".")}
    assert len(folders) <= 14, sorted(folders)
    importable = {path.partition("/")[0] for path in list_tracked() if re.fullmatch(r"\w+/__init__\.py", path)}
    assert sorted(importable) == sorted(PACKAGES)


@pytest.mark.parametrize("room", PACKAGES)
def test_a_folder_imports_only_what_the_map_allows(room: str) -> None:
    modules = list_modules(*PACKAGES, "tests", "docs")
    for name in list_modules(room):
        used = {other.partition(".")[0] for other in find_imports(name, modules)} - {room}
        extra = used - read_map()[room]
        assert not extra, f"{name} imports {', '.join(sorted(extra))}, which the map in CONTRIBUTING.md does not allow"


def test_imports_have_no_cycles() -> None:
    modules = list_modules(*PACKAGES, "docs")
    graph = {name: find_imports(name, modules) for name in modules}
    assert find_cycle(graph) == []


def test_docs_are_generated_without_tests() -> None:
    modules = list_modules(*PACKAGES, "tests", "docs")
    using = {
        name: sorted(other for other in find_imports(name, modules) if other.startswith("tests"))
        for name in list_modules("docs")
    }
    assert {name: used for name, used in using.items() if used} == {}


def test_cycles_and_late_imports_are_detected(tmp_path: Path) -> None:
    def module(name: str, text: str) -> Path:
        (tmp_path / f"{name}.py").write_text(text)
        return tmp_path / f"{name}.py"

    modules = {
        "a": module("a", "def later():\n    from b import thing\n"),
        "b": module("b", "import importlib\nname = 'c'\nimportlib.import_module('c')\n"),
        "c": module("c", "import importlib\nimportlib.import_module(f'{__name__}')\nimport a\n"),
        "d": module("d", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\n"),
        "e": module("e", "TABLE = {'kind': 'd:Thing', 'address': 'http://d'}\n"),
    }
    graph = {name: find_imports(name, modules) for name in modules}
    assert graph == {"a": {"b"}, "b": {"c"}, "c": {"a", "b", "d", "e"}, "d": set(), "e": {"d"}}
    assert find_cycle(graph) == ["a", "b", "c", "a"]
    assert find_cycle({"a": {"b"}, "b": {"d"}, "d": set()}) == []


def test_only_a_cloud_s_own_folder_refers_to_it() -> None:
    """Other code uses the cloud's `Cloud` object, so that a new cloud needs no edit there."""
    own = re.compile(rf"providers/({'|'.join(REGIONS)})/|nodefile/clouds\.py")
    imported = re.compile(rf"providers\.({'|'.join(REGIONS)})\b")
    named = []
    for path in list_tracked():
        if not path.startswith(tuple(f"{room}/" for room in PRODUCT)) or own.match(path) or not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in REGIONS:
                named.append(f"{path}:{node.lineno}: {node.value!r}")
            elif isinstance(node, ast.ImportFrom) and imported.match(node.module or ""):
                named.append(f"{path}:{node.lineno}: from {node.module}")
    assert named == ["pnodes/migrate/nodes_json.py:26: 'aws'"], "the default of numerai-cli, which is no branch"
