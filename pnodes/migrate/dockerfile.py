"""What a Dockerfile written for numerai-cli expects of its build that is different here.

numerai-cli builds in the folder in which its `deploy` is called, the node's own or one above it, and names the node's
folder by the build argument SRC_PATH. Which folder that was is not written down anywhere: it shows in what the
Dockerfile copies without SRC_PATH.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from providers.images.context import BuildContext, ContextError
from providers.images.dockerfile import Dockerfile, NotUnderstood, expand, is_address, parse

_KEYS = re.compile(r"NUMERAI_(?:PUBLIC_ID|SECRET_KEY)")
_MAX_PARENTS = 4


@dataclass(frozen=True)
class Build:
    """The build context that the Dockerfile needs (the node's folder or one above it), and what is different."""

    context: Path
    notes: tuple[str, ...]


def build(folder: Path) -> Build:
    """How the Dockerfile in a folder is built here."""
    dockerfile = parse((folder / "Dockerfile").read_text(encoding="utf-8", errors="replace"))
    notes: list[str] = []
    context = folder
    outside = list(_from_context(dockerfile))
    if missing := [path for path in outside if not _holds(folder, path)]:
        around = [parent for parent in list(folder.parents)[:_MAX_PARENTS] if parent not in (Path.home(), Path("/"))]
        found = next((parent for parent in around if all(_holds(parent, path) for path in outside)), None)
        names = ", ".join(missing)
        if found:
            context = found
            notes.append(f"`context`: its Dockerfile copies {names}, which {found.name}/ has, a folder above its own")
        else:
            notes.append(
                f"its Dockerfile copies {names}, which is not in its folder: set `context` to the folder in which you "
                "called `numerai node deploy`"
            )
    notes += _keys(dockerfile)
    try:
        BuildContext(context.resolve(), folder.resolve() / "Dockerfile").check()
    except (ContextError, OSError) as error:
        notes.append(f"`pulumi up` will not build it yet: {str(error).rstrip('.')}")
    return Build(context, tuple(notes))


def _keys(dockerfile: Dockerfile) -> Iterator[str]:
    """Keys that the build itself uses, which it is never given here."""
    lines = [" ".join([*run.flags, run.rest]) for run in dockerfile.instructions if run.name == "RUN"]
    if used := [line for line in lines if _KEYS.search(line)]:
        yield (
            f"a RUN line of its Dockerfile uses the API keys ({used[0][:60]!r}): no build gets them here, since they "
            "would stay in the image. Do that when the container runs"
        )


def _from_context(dockerfile: Dockerfile) -> Iterator[str]:
    """What COPY and ADD take from the build context without naming it by SRC_PATH or by another variable."""
    for instruction in dockerfile.instructions:
        for word in instruction.sources() if instruction.name in ("COPY", "ADD") else []:
            with contextlib.suppress(NotUnderstood):
                path = expand(word, {}, dockerfile.escape)
                if not is_address(path):
                    yield path.lstrip("/") or "."


def _holds(folder: Path, path: str) -> bool:
    """Whether a folder has what a COPY names; `*` and its like count when something matches."""
    try:
        return any(True for _ in folder.glob(path)) if re.search(r"[*?\[]", path) else (folder / path).exists()
    except (OSError, ValueError):
        return False
