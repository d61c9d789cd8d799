"""Markdown that GitHub takes: a part that is always shown, below it a text as code, cut where it is too long."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 65_536
"""Characters of a comment or issue on GitHub."""


@dataclass(frozen=True)
class Told:
    """What a comment or an issue is about, and the run that wrote it."""

    stack: str
    commit: str
    run_url: str

    @property
    def footer(self) -> str:
        """The last line."""
        return f"By [this run]({self.run_url}), for {self.commit[:7]}."


def with_text(upper: str, title: str, text: str, told: Told, longest: int = LONGEST, end: bool = False) -> str:
    """The text as code that nothing in it can end; cut where the whole would be too long, by lines."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    opening = f"\n<details><summary>{title}</summary>\n\n" if title else "\n"
    closing = "\n</details>\n" if title else ""

    def whole(shown: str, remark: str) -> str:
        return f"{upper}{opening}{fence}\n{shown}\n{fence}\n{remark}{closing}\n{told.footer}\n"

    text = text.strip("\n")
    if len(found := whole(text, "")) <= longest:
        return found
    limit = f"{longest:,}"
    remark = (
        f"\nThis is cut: all of it has {len(text):,} characters, and there is room for {limit}. "
        f"The whole of it is in [the run's log]({told.run_url}).\n"
    )
    room = max(0, longest - len(whole("", remark)))
    return whole(_cut(text, room, end), remark)


def _cut(text: str, room: int, end: bool) -> str:
    """Whole lines from the text's beginning, or from its end, that fit."""
    lines = text.split("\n")
    kept: list[str] = []
    for line in reversed(lines) if end else lines:
        if room < len(line) + 1:
            break
        room -= len(line) + 1
        kept.append(line)
    return "\n".join(reversed(kept) if end else kept)
