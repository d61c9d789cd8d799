"""The comment on a pull request: the change in the nodes' own terms, and below it Pulumi's resource diff, folded."""

from __future__ import annotations

from pnodes.ci.markdown import LONGEST, Told, with_text
from pnodes.plan.markdown import MARK, render
from pnodes.plan.summary import Summary


def changes(summary: Summary, diff: str, told: Told, longest: int = LONGEST) -> str:
    """A preview that worked."""
    return with_text(render(summary, told.stack), "Pulumi's resource diff", diff, told, longest)


def failure(text: str, told: Told, longest: int = LONGEST) -> str:
    """A preview that did not."""
    upper = f"{_title(told, 'the preview failed')}\nNothing was changed. What the engine said ends with its reason.\n"
    return with_text(upper, "What the engine said", text, told, longest, end=True)


def mistakes(problems: str, told: Told) -> str:
    """A nodes.yaml that cannot be previewed."""
    upper = f"{_title(told, 'nodes.yaml has mistakes')}\n"
    return with_text(upper, "", problems, told)


def not_set_up(missing: tuple[str, ...], page: str, told: Told) -> str:
    """Something of the repository's settings is missing."""
    lines = "\n".join(f"- {sentence}" for sentence in missing)
    return f"{_title(told, 'there is no preview')}\n{lines}\n\n`{page}` tells how to set it up.\n\n{told.footer}\n"


def _title(told: Told, what: str) -> str:
    return f"{MARK}\n### Prediction nodes: {what} (stack `{told.stack}`)\n"
