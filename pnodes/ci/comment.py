"""Renders the comment on a pull request: the changes by node, followed by Pulumi's collapsed resource diff."""

from __future__ import annotations

from pnodes.ci.markdown import LONGEST, Origin, append_text
from pnodes.plan.markdown import MARK, render
from pnodes.plan.summary import Summary


def render_changes(summary: Summary, diff: str, origin: Origin, longest: int = LONGEST) -> str:
    """Describe the changes of a successful preview."""
    return append_text(render(summary, origin.stack), "Pulumi's resource diff", diff, origin, longest)


def render_failure(text: str, origin: Origin, longest: int = LONGEST) -> str:
    """Report a failed preview."""
    title = _title(origin, "the preview failed")
    upper = f"{title}\nNothing was changed. The end of the engine's output gives the reason.\n"
    return append_text(upper, "The engine's output", text, origin, longest, end=True)


def render_mistakes(problems: str, origin: Origin) -> str:
    """Report the problems of an invalid nodes.yaml."""
    upper = f"{_title(origin, 'nodes.yaml has mistakes')}\n"
    return append_text(upper, "", problems, origin)


def render_missing(missing: tuple[str, ...], page: str, origin: Origin) -> str:
    """Report missing settings of the repository."""
    lines = "\n".join(f"- {sentence}" for sentence in missing)
    return f"{_title(origin, 'there is no preview')}\n{lines}\n\n`{page}` explains the set-up.\n\n{origin.footer}\n"


def _title(origin: Origin, headline: str) -> str:
    return f"{MARK}\n### Prediction nodes: {headline} (stack `{origin.stack}`)\n"
