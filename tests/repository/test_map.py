"""The map in CONTRIBUTING.md is the tree: which rooms there are, and which of them a room may import."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from nodefile.clouds import REGIONS
from pnodes.engine.paths import ROOT
from tests.repository.imports import find_cycle, imports, modules, tracked

PACKAGES = ("nodefile", "trigger", "providers", "pnodes", "policies", "sandbox")
PRODUCT = PACKAGES[:-1]


def mapped() -> dict[str, set[str]]:
    """The rooms of the map, each with those that it may import."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/]+)/` \|.*\| ?(.*?) \|$", text, re.MULTILINE)
    return {name: set(re.findall(r"\w+", used)) for name, used in rows}


def test_every_folder_is_on_the_map() -> None:
    rooms = {path.partition("/")[0] for path in tracked() if "/" in path and not path.startswith(".")}
    assert {name.partition("/")[0] for name in mapped()} == rooms
    inside = {
        f"{room}/{path.split('/')[1]}"
        for room in ("providers", "pnodes")
        for path in tracked()
        if path.startswith(f"{room}/") and path.count("/") > 1
    }
    assert {name for name in mapped() if "/" in name} == inside


def test_the_root_is_small() -> None:
    folders = {path.partition("/")[0] for path in tracked() if "/" in path and not path.startswith(".")}
    assert len(folders) <= 14, sorted(folders)
    importable = {path.partition("/")[0] for path in tracked() if re.fullmatch(r"\w+/__init__\.py", path)}
    assert sorted(importable) == sorted(PACKAGES)


@pytest.mark.parametrize("room", PACKAGES)
def test_a_room_imports_only_what_the_map_says(room: str) -> None:
    known = modules(*PACKAGES, "tests", "docs")
    for name in modules(room):
        used = {other.partition(".")[0] for other in imports(name, known)} - {room}
        extra = used - mapped()[room]
        assert not extra, (
            f"{name} imports {', '.join(sorted(extra))}; the map in CONTRIBUTING.md says what it may import"
        )


def test_no_import_goes_round_in_a_circle() -> None:
    known = modules(*PACKAGES, "docs")
    graph = {name: imports(name, known) for name in known}
    assert find_cycle(graph) == []


def test_docs_are_generated_without_tests() -> None:
    known = modules(*PACKAGES, "tests", "docs")
    using = {
        name: sorted(each for each in imports(name, known) if each.startswith("tests")) for name in modules("docs")
    }
    assert {name: used for name, used in using.items() if used} == {}


def test_a_circle_and_a_late_import_are_seen(tmp_path: Path) -> None:
    def module(name: str, text: str) -> Path:
        (tmp_path / f"{name}.py").write_text(text)
        return tmp_path / f"{name}.py"

    known = {
        "a": module("a", "def later():\n    from b import thing\n"),
        "b": module("b", "import importlib\nname = 'c'\nimportlib.import_module('c')\n"),
        "c": module("c", "import importlib\nimportlib.import_module(f'{__name__}')\nimport a\n"),
        "d": module("d", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\n"),
        "e": module("e", "TABLE = {'kind': 'd:Thing', 'address': 'http://d'}\n"),
    }
    graph = {name: imports(name, known) for name in known}
    assert graph == {"a": {"b"}, "b": {"c"}, "c": {"a", "b", "d", "e"}, "d": set(), "e": {"d"}}
    assert find_cycle(graph) == ["a", "b", "c", "a"]
    assert find_cycle({"a": {"b"}, "b": {"d"}, "d": set()}) == []


def test_only_a_cloud_s_own_folder_names_it() -> None:
    """Elsewhere a cloud is reached through its `Cloud`, so that another one needs no edit there."""
    own = re.compile(rf"providers/({'|'.join(REGIONS)})/|nodefile/clouds\.py")
    imported = re.compile(rf"providers\.({'|'.join(REGIONS)})\b")
    named = []
    for path in tracked():
        if not path.startswith(tuple(f"{room}/" for room in PRODUCT)) or own.match(path) or not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in REGIONS:
                named.append(f"{path}:{node.lineno}: {node.value!r}")
            elif isinstance(node, ast.ImportFrom) and imported.match(node.module or ""):
                named.append(f"{path}:{node.lineno}: from {node.module}")
    assert named == ["pnodes/migrate/nodes_json.py:26: 'aws'"], "the default of numerai-cli, which is no branch"
