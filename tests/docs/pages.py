"""Pages whose ```console blocks are real: each `$ command` in them is run, and what it prints is what the page shows.

With PNODES_REWRITE_PAGES set the page is written anew with what the commands print now.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"```(console|sh)\n(.*?)```\n", re.DOTALL)
_CHANGING = (
    (re.compile(r"\b[0-9]+m?[0-9]*s\b"), "0s"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"[0-9a-f]{64}"), "DIGEST"),
    (re.compile(r"\b[0-9]+ (created|unchanged)"), r"some \1"),
    # How a step was seen, and when: what a later step shows first has no detail.
    (
        re.compile(
            r"^(\S+: (?:webhook reached|job scheduled|container started|submission carries.*?id))(: .*)?$", re.MULTILINE
        ),
        r"\1",
    ),
    (re.compile(r"(: all 4 steps in) .*"), r"\1 0s"),
)
_SUMMARY = "Resources:"


@dataclass(frozen=True)
class Block:
    """A block of a page: real (`console`), or what only a person's own machine can run (`sh`)."""

    real: bool
    start: int
    end: int
    text: str

    @property
    def command(self) -> str:
        """The block's command, a line that begins with `$`."""
        return self.text.split("\n", 1)[0].removeprefix("$ ")


def blocks(page: str) -> Iterator[Block]:
    """The blocks with commands, in the page's order."""
    for found in _BLOCK.finditer(page):
        yield Block(found[1] == "console", found.start(2), found.end(2), found[2])


def check(path: Path, folder: Path, env: Mapping[str, str], by_hand: Callable[[str], None]) -> None:
    """Run a page's commands in a folder. `by_hand` does what a block of the other kind does."""
    page, written, at = path.read_text(encoding="utf-8"), "", 0
    shown: list[str] = []
    found: list[str] = []
    for block in blocks(page):
        if not block.real:
            by_hand(block.text)
            continue
        done = subprocess.run(
            ["bash", "-c", block.command], cwd=folder, env=dict(env), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"$ {block.command}\n{done.stdout}{done.stderr}"
        text = f"$ {block.command}\n{_short(block.command, done.stdout)}"
        shown.append(_same(block.text))
        found.append(_same(text))
        written += page[at : block.start] + text
        at = block.end
    if os.environ.get("PNODES_REWRITE_PAGES"):
        path.write_text(written + page[at:], encoding="utf-8")
        return
    assert found == shown, f"{path.name} shows something else; PNODES_REWRITE_PAGES=1 writes it anew"


def _short(command: str, output: str) -> str:
    """The engine's list of steps, whose order is by chance, is left out in favour of its summary."""
    lines = [line.rstrip() for line in output.strip().splitlines()]
    if command.split("&& ")[-1].startswith("pulumi"):
        first = next((index for index, line in enumerate(lines) if line.startswith(_SUMMARY)), 0)
        lines = ["[...]", *lines[first:]]
    return "\n".join(lines) + "\n"


def _same(text: str) -> str:
    """A text without what is another each time."""
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    first, _, rest = text.partition("\n")
    if first.startswith("$ pnodes test "):
        # Nodes are tested at the same time, and each line stands where it happened.
        return "\n".join([first, *sorted(rest.splitlines())])
    return text
