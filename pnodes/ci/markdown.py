"""Renders Markdown within GitHub's limits: a visible part followed by a text as code, shortened if necessary."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 65_536
"""The maximum length of a comment or issue on GitHub, in characters."""


@dataclass(frozen=True)
class Origin:
    """The stack and commit that a comment or an issue describes, and the run that wrote it."""

    stack: str
    commit: str
    run_url: str

    @property
    def footer(self) -> str:
        """The last line of the comment or issue."""
        return f"By [this run]({self.run_url}), for {self.commit[:7]}."


def append_text(upper: str, title: str, text: str, origin: Origin, longest: int = LONGEST, end: bool = False) -> str:
    """Append a text as a code block that nothing in the text can close. Drops whole lines if the result is too long:
    the last lines, or the first if `end`."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    opening = f"\n<details><summary>{title}</summary>\n\n" if title else "\n"
    closing = "\n</details>\n" if title else ""

    def assemble(code: str, remark: str) -> str:
        return f"{upper}{opening}{fence}\n{code}\n{fence}\n{remark}{closing}\n{origin.footer}\n"

    text = text.strip("\n")
    if len(document := assemble(text, "")) <= longest:
        return document
    limit = f"{longest:,}"
    remark = (
        f"\nThis text is shortened: it has {len(text):,} characters, but a comment may have only {limit}. "
        f"[The run's log]({origin.run_url}) contains all of it.\n"
    )
    room = max(0, longest - len(assemble("", remark)))
    return assemble(_cut(text, room, end), remark)


def _cut(text: str, room: int, end: bool) -> str:
    """Return as many whole lines from the beginning or the end of the text as fit."""
    lines = text.split("\n")
    kept: list[str] = []
    for line in reversed(lines) if end else lines:
        if room < len(line) + 1:
            break
        room -= len(line) + 1
        kept.append(line)
    return "\n".join(reversed(kept) if end else kept)
