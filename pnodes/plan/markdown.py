"""Renders a summary as Markdown: the part of a pull request's comment above the engine's own output."""

from __future__ import annotations

from pnodes.plan.summary import ADDED, CHANGED, REMOVED, NodeChange, Summary
from pnodes.wording import usd

OTHERS = "unchanged nodes and shared resources"
MARK = "<!-- prediction-nodes preview -->"
"""The line by which the workflow recognises its own comment, to edit it in place."""


def render(summary: Summary, stack: str) -> str:
    """Return the upper part of the comment."""
    lines = [MARK, f"### Prediction nodes: {headline(summary)} (stack `{escape(stack)}`)", ""]
    if summary.nodes:
        lines += ["| node | change | USD a month before | after |", "| --- | --- | ---: | ---: |"]
        lines += [_row(change) for change in summary.nodes]
        lines += [
            f"| {OTHERS} | | {usd(summary.others[0])} | {usd(summary.others[1])} |",
            f"| all | | {usd(summary.month_before)} | {usd(summary.month_after)} |",
            "",
            f"Costs are list prices for runs of {summary.minutes:g} minutes; `pnodes cost` lists what they exclude.",
            "",
        ]
    if summary.operations:
        counted = ", ".join(f"{count} to {word}" for word, count in sorted(summary.operations.items()))
        lines.append(f"Resources: {counted}.")
    return "\n".join(lines).rstrip() + "\n"


def headline(summary: Summary) -> str:
    """Return the changes in one line: 1 added, 2 changed."""
    counts = {kind: sum(change.kind == kind for change in summary.nodes) for kind in (ADDED, CHANGED, REMOVED)}
    parts = [f"{count} {kind}" for kind, count in counts.items() if count]
    if parts:
        return ", ".join(parts)
    return "no node changes, but shared resources do" if summary.operations else "nothing changes"


def _row(change: NodeChange) -> str:
    details = "; ".join(_cell(detail) for detail in change.details)
    return f"| {change.node} | {change.kind}: {details} | {usd(change.month_before)} | {usd(change.month_after)} |"


def _cell(text: str) -> str:
    """Escape a text from nodes.yaml: it must not end the cell, start markup or mention people."""
    return f"`{escape(text)}`"


def escape(text: str) -> str:
    """Return a text for a code span in a table, which it must not end."""
    return " ".join(text.replace("`", "'").replace("|", "\\|").split())
