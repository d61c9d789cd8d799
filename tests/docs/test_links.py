"""Links, commands and examples in the pages work: files, headings, options, make targets and nodes.yaml files."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
import yaml
from markdown_it import MarkdownIt

from nodefile import load
from pnodes.cli.main import app
from pnodes.engine.paths import ROOT
from tests.nodefile.pickled import write

_LISTED = subprocess.run(["git", "ls-files", "*.md", "*.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
PAGES = sorted(
    {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    | {path for path in _LISTED.stdout.splitlines() if path.endswith(".md") and (ROOT / path).exists()}
)
_COMMAND = re.compile(r"(?<![\w/-])pnodes((?: +[\w./~<>|\"'-]+)+)")
_EXAMPLE = re.compile(r"^```yaml\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def text(page: str) -> str:
    """Return a page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def links(page: str) -> Iterator[str]:
    """Yield the addresses of a page's links and pictures."""
    for block in MarkdownIt("commonmark").enable("table").parse(text(page)):
        for token in block.children or []:
            address = token.attrs.get("href" if token.type == "link_open" else "src")
            if token.type in ("link_open", "image") and address:
                yield str(address)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST name them."""
    last_numbers: dict[str, int] = {}
    tokens = MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8"))
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            words = "".join(child.content for child in tokens[at + 1].children or [])
            slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            last_numbers[slug] = last_numbers.get(slug, -1) + 1
    return {f"{slug}-{number}" if number else slug for slug, last in last_numbers.items() for number in range(last + 1)}


@pytest.mark.parametrize("page", PAGES)
def test_the_targets_of_links_exist(page: str) -> None:
    for address in links(page):
        if re.match(r"[a-z]+:", address):
            assert address.startswith(("https://", "http://", "mailto:")), address
            continue
        path, _, anchor = unquote(address).partition("#")
        target = ROOT / page if not path else (ROOT / page).parent / path
        assert target.exists(), f"{page} links to {address}, which does not exist"
        if anchor:
            assert anchor in anchors(target), f"{page} links to {address}; the page has no such heading"


def options(command: Any) -> set[str]:
    """Return all options of a command."""
    return {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/commands.md"])
def test_commands_of_pnodes_exist(page: str) -> None:
    root: Any = typer.main.get_command(app)
    for match in _COMMAND.finditer(text(page)):
        command, words = root, match[1].replace('"', " ").split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        if command is root:
            # In prose, any word may follow `pnodes`.
            continue
        for word in words:
            if word.startswith("-") and word.strip("-"):
                assert word in options(command), f"{page}: {match[0]}"


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", text("Makefile"), re.MULTILINE))
    known = targets | {"release-", "run-", "logs-", "stop-"}  # NODE follows, in examples/predictors
    for target in re.findall(r"(?:^    |`)make ([a-z][\w-]*)", text(page), re.MULTILINE):
        assert target in known or target[: target.find("-") + 1] in known, f"{page}: make {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith(("docs/", "README"))])
def test_complete_nodes_yaml_files_are_valid(page: str, tmp_path: Path) -> None:
    for number, example in enumerate(_EXAMPLE.findall(text(page))):
        if not example.startswith(("nodes:", "defaults:", "# yaml-language-server")):
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "examples").symlink_to(ROOT / "examples")
        for node in yaml.safe_load(example)["nodes"].values():
            if "pickle" in node:
                write(folder / node["pickle"], "3.12")
                continue
            source = folder / node["source"]
            if not source.exists():
                source.mkdir(parents=True)
                (source / "Dockerfile").touch()
        (folder / "nodes.yaml").write_text(example, encoding="utf-8")
        load(folder / "nodes.yaml")
