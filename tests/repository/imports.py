"""List the repository's files and its imports: those at any depth, and those through `importlib`."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT


def list_tracked() -> list[str]:
    """Return the files of the repository; skips the test outside a checkout."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("this is not a checkout")
    return [path for path in listing.stdout.splitlines() if (ROOT / path).exists()]


@cache
def list_modules(*folders: str) -> Mapping[str, Path]:
    """Return the file of each module in these folders of the repository, by dotted name."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {_name(path): path for path in paths}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def find_imports(name: str, modules: Mapping[str, Path]) -> set[str]:
    """Return those of `modules` that a module imports, also inside functions, except imports for type checkers only."""
    return set(_walk(ast.parse(modules[name].read_text(encoding="utf-8")), modules)) - {name}


def _walk(tree: ast.AST, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in modules or node.module in modules:
                    yield full if full in modules else node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from _match(node.args[0], modules)
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.]+:[A-Za-z]\w*", str(node.value)):
            # "module:name", as in a table of lazy imports
            yield from {str(node.value).partition(":")[0]} & modules.keys()
        yield from _walk(node, modules)


def _match(argument: ast.expr, modules: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that an argument of import_module may name; each `{...}` of an f-string matches any word."""
    if isinstance(argument, ast.Constant):
        pattern = re.escape(str(argument.value))
    elif isinstance(argument, ast.JoinedStr):
        parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in argument.values)
        pattern = "".join(parts)
    else:
        return  # a module that the caller passes, such as a deployed function's
    yield from (name for name in modules if re.fullmatch(pattern, name))


def find_cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return one cycle of the graph, with its first module repeated at the end; empty if there is none."""
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
