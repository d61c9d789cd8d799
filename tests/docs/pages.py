"""Runs the `$ command` of each ```console block of a page, and compares the output with the page.

If PNODES_REWRITE_PAGES is set, the page is updated with the current output instead.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.pnodes_command import Pnodes

_BLOCK = re.compile(r"```(console|sh)\n(.*?)```\n", re.DOTALL)
_CHANGING = (
    (re.compile(r"\b[0-9]+m?[0-9]*s\b"), "0s"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"[0-9a-f]{64}"), "DIGEST"),
    (re.compile(r"\b[0-9]+ (created|unchanged)"), r"some \1"),
    # The details of a step vary: a step that was inferred from a later one has none.
    (
        re.compile(
            r"^(\S+: (?:webhook reached|job scheduled|container started|submission carries.*?id))(: .*)?$", re.MULTILINE
        ),
        r"\1",
    ),
    (re.compile(r"(: all 4 steps in) .*"), r"\1 0s"),
)
_SUMMARY = "Resources:"
_PNODES = re.compile(r"```console\n\$ pnodes (.*)\n(?:.*\n)*?```\n")


@dataclass(frozen=True)
class Block:
    """A block of a page. `real` blocks (`console`) are run; the others (`sh`) run only on a user's own machine."""

    real: bool
    start: int
    end: int
    text: str

    @property
    def command(self) -> str:
        """The block's command: its first line, without the leading `$`."""
        return self.text.split("\n", 1)[0].removeprefix("$ ")


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks with commands, in the page's order."""
    for match in _BLOCK.finditer(page):
        yield Block(match[1] == "console", match.start(2), match.end(2), match[2])


def check(path: Path, folder: Path, env: Mapping[str, str], by_hand: Callable[[str], None]) -> None:
    """Run a page's commands in a folder. `by_hand` replaces the blocks that are not real."""
    page, updated, at = path.read_text(encoding="utf-8"), "", 0
    expected: list[str] = []
    actual: list[str] = []
    for block in blocks(page):
        if not block.real:
            by_hand(block.text)
            continue
        done = subprocess.run(
            ["bash", "-c", block.command], cwd=folder, env=dict(env), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"$ {block.command}\n{done.stdout}{done.stderr}"
        text = f"$ {block.command}\n{_shorten(block.command, done.stdout)}"
        expected.append(_normalise(block.text))
        actual.append(_normalise(text))
        updated += page[at : block.start] + text
        at = block.end
    if os.environ.get("PNODES_REWRITE_PAGES"):
        path.write_text(updated + page[at:], encoding="utf-8")
        return
    assert actual == expected, f"{path.name} is outdated; set PNODES_REWRITE_PAGES=1 to update it"


def _shorten(command: str, output: str) -> str:
    """Replace the engine's list of steps, whose order is random, by its summary."""
    lines = [line.rstrip() for line in output.strip().splitlines()]
    if command.split("&& ")[-1].startswith("pulumi"):
        first = next((index for index, line in enumerate(lines) if line.startswith(_SUMMARY)), 0)
        lines = ["[...]", *lines[first:]]
    return "\n".join(lines) + "\n"


def _normalise(text: str) -> str:
    """Replace the parts of a text that differ in each run."""
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    first, _, rest = text.partition("\n")
    if first.startswith("$ pnodes test "):
        # Nodes are tested at the same time, so the order of the lines varies.
        return "\n".join([first, *sorted(rest.splitlines())])
    return text


def render_pnodes(path: Path, run: Pnodes) -> str:
    """Return a page with the output of its blocks with a `pnodes` command; `run` runs one in this process."""

    def write(block: re.Match[str]) -> str:
        text = "\n".join(line.rstrip() for line in run(*block[1].split()).stdout.splitlines())
        return f"```console\n$ pnodes {block[1]}\n{text}\n```\n"

    return _PNODES.sub(write, path.read_text(encoding="utf-8"))


def compare(path: Path, page: str) -> None:
    """Compare a page with what it should be."""
    if os.environ.get("PNODES_REWRITE_PAGES"):
        path.write_text(page, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page, "PNODES_REWRITE_PAGES=1 writes the page anew"


def check_rendered(path: Path, page: str) -> None:
    """Compare a page with what it should be, without long lines."""
    compare(path, page)
    assert max(len(line) for line in page.splitlines()) <= 120
