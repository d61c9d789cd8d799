"""A summary as Markdown: what stands above the engine's own output in a pull request's comment."""

from __future__ import annotations

from pnodes.plan.summary import ADDED, CHANGED, REMOVED, NodeChange, Summary
from pnodes.wording import usd

MARK = "<!-- prediction-nodes preview -->"
"""By this line the workflow finds its own comment again, to edit it in place."""


def render(summary: Summary, stack: str) -> str:
    """The comment's upper part."""
    lines = [MARK, f"### Prediction nodes: {headline(summary)} (stack `{_code(stack)}`)", ""]
    if summary.nodes:
        lines += ["| node | change | USD a month before | after |", "| --- | --- | ---: | ---: |"]
        lines += [_row(one) for one in summary.nodes]
        lines += [f"| all nodes and what they share | | {usd(summary.month_before)} | {usd(summary.month_after)} |", ""]
        lines += [
            f"Costs are list prices for runs of {summary.minutes:g} minutes; `pnodes cost` says what they leave out.",
            "",
        ]
    if summary.operations:
        counted = ", ".join(f"{count} to {word}" for word, count in sorted(summary.operations.items()))
        lines.append(f"Resources: {counted}.")
    return "\n".join(lines).rstrip() + "\n"


def headline(summary: Summary) -> str:
    """In one line: 1 added, 2 changed."""
    counts = {kind: sum(one.kind == kind for one in summary.nodes) for kind in (ADDED, CHANGED, REMOVED)}
    parts = [f"{count} {kind}" for kind, count in counts.items() if count]
    if parts:
        return ", ".join(parts)
    return "no node changes, but shared resources do" if summary.operations else "nothing changes"


def _row(one: NodeChange) -> str:
    details = "; ".join(_cell(detail) for detail in one.details)
    return f"| {one.node} | {one.kind}: {details} | {usd(one.month_before)} | {usd(one.month_after)} |"


def _cell(text: str) -> str:
    """A text from nodes.yaml cannot end a cell, begin markup or call people."""
    return f"`{_code(text)}`"


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").replace("|", "\\|").split())
