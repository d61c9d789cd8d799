"""Renders the issue about nodes whose rounds, runs or triggers have problems."""

from __future__ import annotations

from collections.abc import Iterable

from pnodes.ci.markdown import Origin, append_text

MARK = "<!-- prediction-nodes rounds -->"


def render_body(lines: Iterable[str], origin: Origin) -> str:
    """Return the text of the issue."""
    upper = (
        f"{MARK}\n`pnodes status --check` found problems in the stack `{origin.stack}`. Each check updates this issue, "
        "and closes it when all is well.\n"
    )
    return append_text(upper, "", "\n".join(lines), origin)
