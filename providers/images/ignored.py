"""Lists the files of a folder that a `.dockerignore` does not exclude.

The last pattern that matches a path or one of its parent folders decides, as in Docker, and `!` includes a path again.
Single patterns match as in the docker package, whose import would take 8 MiB and 50 ms; its own walk forgets the
patterns that parent folders matched.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# Left out of folders without an ignore file. With an ignore file, even an empty one, only its patterns apply.
_DEBRIS = (".git", "__pycache__", "*.pyc", ".venv", "node_modules", ".ipynb_checkpoints", ".DS_Store")
_CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache")
DEBRIS = tuple(f"**/{name}" for name in (*_DEBRIS, *_CACHES))
_SIGNS = re.compile(r"\*\*/?|\*|\?|\[!?+]?+[^]]*]|.", re.DOTALL)


class BadPattern(ValueError):
    """A pattern cannot be read. The text names it and says why."""


class Pattern:
    """One pattern. `exclusion`: whether it starts with `!`; `path`: the rest, without `.`, `..` and outer slashes.

    Raises BadPattern.
    """

    def __init__(self, text: str) -> None:
        self.exclusion = text.startswith("!")
        path = text.removeprefix("!").strip().replace(os.sep, "/")
        self.path = posixpath.normpath(f"/{path}").lstrip("/")
        try:
            self._expression = re.compile(_SIGNS.sub(_translate, self.path.lower()), re.DOTALL)
        except re.error as error:
            raise BadPattern(f"{text} ({error})") from None

    def match(self, path: str) -> bool:
        """Whether the pattern matches the path itself."""
        return self._expression.fullmatch(path.lower()) is not None


def _translate(sign: re.Match[str]) -> str:
    """Return the regular expression of a character, or of one of the signs `**`, `*`, `?` and `[...]`."""
    match sign[0]:
        case "**" | "**/":
            return ".*" if sign.end() == len(sign.string) else "(.*/)?"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case text if len(text) > 1:
            inside = text[1:-1].replace("\\", r"\\").replace("[", r"\[")
            return f"[^{inside[1:]}]" if inside[0] == "!" else "[" + inside.replace("^", r"\^") + "]"
        case character:
            return re.escape(character)


def find_ignore_file(root: Path, dockerfile: Path) -> Path | None:
    """Find the ignore file. As in BuildKit, a file named after the Dockerfile has priority over the context's."""
    own = dockerfile.with_name(dockerfile.name + ".dockerignore")
    return next((path for path in (own, root / ".dockerignore") if path.is_file()), None)


def parse_patterns(text: str) -> list[str]:
    """Return the patterns of an ignore file."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines() if not line.startswith("#")]
    # Blanks after "!" are ignored, and "!" alone is not a pattern.
    stripped = ["!" + line[1:].strip() if line.startswith("!") else line for line in lines]
    return [line for line in stripped if line not in ("", "!")]


def walk(
    root: Path, ignored: Sequence[str], enter: Callable[[str], bool] = lambda _folder: True
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the path and stat result of every file, symlink and empty folder that is not ignored.

    Paths have forward slashes, and empty folders end with one. Folders for which `enter` returns False are skipped, and
    so are sockets, pipes, devices and files that vanish during the walk. Raises OSError and BadPattern.
    """
    patterns = [pattern for pattern in map(Pattern, ignored) if pattern.path]
    yield from _walk(str(root), "", patterns, [False] * len(patterns), enter)


def _walk(
    folder: str, prefix: str, patterns: list[Pattern], above: list[bool], enter: Callable[[str], bool]
) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        path = prefix + entry.name.replace(os.sep, "/")
        matched, excluded = _match(path, patterns, above)
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(facts.st_mode):
            if not enter(path) or (excluded and not _may_include_below(path, patterns)):
                continue
            inside = list(_walk(entry.path, f"{path}/", patterns, matched, enter))
            yield from inside
            if not inside and not excluded and _is_empty(entry.path):
                yield f"{path}/", facts
        elif not excluded and (stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode)):
            yield path, facts


def _match(path: str, patterns: list[Pattern], above: list[bool]) -> tuple[list[bool], bool]:
    """Return for each pattern whether it matches the path or a folder above it, and whether the path is excluded."""
    matched, excluded = list(above), False
    for index, pattern in enumerate(patterns):
        if not matched[index]:
            # As in Docker: a pattern that cannot change the result is not matched, also not for the paths below.
            if pattern.exclusion != excluded:
                continue
            matched[index] = pattern.match(path)
        if matched[index]:
            excluded = not pattern.exclusion
    return matched, excluded


def _may_include_below(path: str, patterns: list[Pattern]) -> bool:
    """Whether a `!` pattern may include something below a folder again."""
    return any(
        pattern.exclusion and (f"{pattern.path}/".startswith(f"{path}/") or any(sign in pattern.path for sign in "*?["))
        for pattern in patterns
    )


def _is_empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as scan:
            return next(scan, None) is None
    except FileNotFoundError:
        return False
