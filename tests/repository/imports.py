"""The files of the repository and its import graph: every import at any depth, those through `importlib` included."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT


def tracked() -> list[str]:
    """The files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is not a checkout")
    return [path for path in listed.stdout.splitlines() if (ROOT / path).exists()]


@cache
def modules(*folders: str) -> Mapping[str, Path]:
    """Dotted name -> file of each module in these folders of the repository."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {_name(path): path for path in paths}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(name: str, known: Mapping[str, Path]) -> set[str]:
    """The known modules that a module imports, now or later; what only type checkers import does not count."""
    found = set(_imported(ast.parse(known[name].read_text(encoding="utf-8")), known))
    return found - {name}


def _imported(tree: ast.AST, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in known or node.module in known:
                    yield full if full in known else node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from _matching(node.args[0], known)
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.]+:[A-Za-z]\w*", str(node.value)):
            # "module:name", as in a table of what is imported later
            yield from {str(node.value).partition(":")[0]} & known.keys()
        yield from _imported(node, known)


def _matching(argument: ast.expr, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules that an argument of import_module may name: each `{...}` of an f-string stands for any word."""
    if isinstance(argument, ast.Constant):
        pattern = re.escape(str(argument.value))
    elif isinstance(argument, ast.JoinedStr):
        parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in argument.values)
        pattern = "".join(parts)
    else:
        return  # a module that the caller names, such as a deployed function's
    yield from (name for name in known if re.fullmatch(pattern, name))


def find_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """One cycle of the graph, its first module again at the end; empty if there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for used in sorted(graph[name]):
            if cycle := visit(used, [*path, name]):
                return cycle
        done.add(name)
        return []

    return next((cycle for name in sorted(graph) if (cycle := visit(name, []))), [])
