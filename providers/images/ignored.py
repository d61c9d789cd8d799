"""Which files of a folder a `.dockerignore` leaves: each pattern as the docker package reads it, in Docker's order.

The docker package's own walk forgets what its parent folders matched, so the order is followed here as Docker does: the
last pattern that matches a path, or a folder above it, decides; `!` takes back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from docker.utils.build import Pattern

# What no image wants, for folders that have no ignore file at all; an ignore file, even an empty one, decides itself.
_DEBRIS = (".git", "__pycache__", "*.pyc", ".venv", "node_modules", ".ipynb_checkpoints", ".DS_Store")
_CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache")
DEBRIS = tuple(f"**/{name}" for name in (*_DEBRIS, *_CACHES))


def ignore_file(root: Path, dockerfile: Path) -> Path | None:
    """The file that says what is ignored. BuildKit's rule: one named after the Dockerfile wins over the context's."""
    own = dockerfile.with_name(dockerfile.name + ".dockerignore")
    return next((path for path in (own, root / ".dockerignore") if path.is_file()), None)


def patterns(text: str) -> list[str]:
    """The patterns of an ignore file."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines() if not line.startswith("#")]
    # "!" alone is no pattern; blanks after the mark belong to nobody.
    read = ["!" + line[1:].strip() if line.startswith("!") else line for line in lines]
    return [line for line in read if line not in ("", "!")]


def walk(
    root: Path, ignored: Sequence[str], wanted: Callable[[str], bool] = lambda _folder: True
) -> Iterator[tuple[str, os.stat_result]]:
    """Every file, symlink and empty folder (with a slash at its end) that is left: path with forward slashes, facts.

    Folders that are not `wanted` are not looked into. What is neither file, link nor folder (sockets, pipes, devices)
    stays out, as nothing could be read from it, and so does what vanishes meanwhile. Raises OSError.
    """
    known = [each for each in map(Pattern, ignored) if each.dirs]
    yield from _walk(str(root), "", known, [False] * len(known), wanted)


def _walk(
    folder: str, prefix: str, known: list[Pattern], above: list[bool], wanted: Callable[[str], bool]
) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        path = prefix + entry.name.replace(os.sep, "/")
        matched, left_out = _matched(path, known, above)
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(facts.st_mode):
            if not wanted(path) or (left_out and not _comes_back(path, known)):
                continue
            inside = list(_walk(entry.path, f"{path}/", known, matched, wanted))
            yield from inside
            if not inside and not left_out and _is_empty(entry.path):
                yield f"{path}/", facts
        elif not left_out and (stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode)):
            yield path, facts


def _matched(path: str, known: list[Pattern], above: list[bool]) -> tuple[list[bool], bool]:
    """Pattern by pattern whether it matches the path or a folder above it, and whether the path is left out."""
    matched, left_out = list(above), False
    for index, pattern in enumerate(known):
        if not matched[index]:
            # Docker's way: a pattern that could change nothing now is not looked at, below this path neither.
            if pattern.exclusion != left_out:
                continue
            matched[index] = bool(pattern.match(path))
        if matched[index]:
            left_out = not pattern.exclusion
    return matched, left_out


def _comes_back(path: str, known: list[Pattern]) -> bool:
    """Whether a `!` pattern may take something below a folder back."""
    return any(
        pattern.exclusion
        and (
            f"{pattern.cleaned_pattern}/".startswith(f"{path}/")
            or any(sign in pattern.cleaned_pattern for sign in "*?[")
        )
        for pattern in known
    )


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as found:
            return next(found, None) is None
    except FileNotFoundError:
        return False
