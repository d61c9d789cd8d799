"""Finds the build context of a Dockerfile written for numerai-cli, and lists the differences of the build.

numerai-cli builds in the working directory of its `deploy` command, the node's folder or one of its parents, and passes
the node's folder as the build argument SRC_PATH. It does not record the working directory, so this module infers it
from the paths that the Dockerfile copies without SRC_PATH.
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
    """The build context that the Dockerfile needs (the node's folder or one of its parents), and the differences."""

    context: Path
    notes: tuple[str, ...]


def find_build(folder: Path) -> Build:
    """Return the build of the Dockerfile in a folder."""
    dockerfile = parse((folder / "Dockerfile").read_text(encoding="utf-8", errors="replace"))
    notes: list[str] = []
    context = folder
    copied = list(_list_copied_paths(dockerfile))
    if missing := [path for path in copied if not _contains(folder, path)]:
        parents = [parent for parent in list(folder.parents)[:_MAX_PARENTS] if parent not in (Path.home(), Path("/"))]
        complete = next((parent for parent in parents if all(_contains(parent, path) for path in copied)), None)
        names = ", ".join(missing)
        if complete:
            context = complete
            notes.append(f"`context`: its Dockerfile copies {names} from {complete.name}/, a parent of its own folder")
        else:
            notes.append(
                f"its Dockerfile copies {names}, which is not in its folder: set `context` to the folder in which you "
                "ran `numerai node deploy`"
            )
    notes += _check_keys(dockerfile)
    try:
        BuildContext(context.resolve(), folder.resolve() / "Dockerfile").check()
    except (ContextError, OSError) as error:
        notes.append(f"`pulumi up` cannot build it yet: {str(error).rstrip('.')}")
    return Build(context, tuple(notes))


def _check_keys(dockerfile: Dockerfile) -> Iterator[str]:
    """Yield a note if the build itself uses API keys, which no build gets here."""
    lines = [" ".join([*run.flags, run.rest]) for run in dockerfile.instructions if run.name == "RUN"]
    if used := [line for line in lines if _KEYS.search(line)]:
        yield (
            f"a RUN line of its Dockerfile uses the API keys ({used[0][:60]!r}): builds do not get them here, since "
            "they would stay in the image. Move this step to the running container"
        )


def _list_copied_paths(dockerfile: Dockerfile) -> Iterator[str]:
    """Yield the paths that COPY and ADD take from the build context without SRC_PATH or another variable."""
    for instruction in dockerfile.instructions:
        for word in instruction.sources() if instruction.name in ("COPY", "ADD") else []:
            with contextlib.suppress(NotUnderstood):
                path = expand(word, {}, dockerfile.escape)
                if not is_address(path):
                    yield path.lstrip("/") or "."


def _contains(folder: Path, path: str) -> bool:
    """Whether a folder contains the path of a COPY; a pattern must match at least one file."""
    try:
        return any(True for _ in folder.glob(path)) if re.search(r"[*?\[]", path) else (folder / path).exists()
    except (OSError, ValueError):
        return False
