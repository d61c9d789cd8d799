"""What a run has written into the source folder, and whether it goes into the next image."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pnodes.wording import plural
from providers.images.context import BuildContext

# Nobody's model files, and far too many to look through.
_NOT_LOOKED_INTO = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", ".pnodes"})
_UNITS = ((2**30, "GB"), (2**20, "MB"), (2**10, "KB"))

Snapshot = dict[Path, tuple[int, int]]


@dataclass(frozen=True)
class Written:
    """A file, or a whole folder of new files, that a run has left; `state` is new, changed or removed."""

    path: str
    state: str
    size: int
    in_image: bool
    count: int = 1

    def __str__(self) -> str:
        size = "" if self.state == "removed" else f", {shown_size(self.size)}"
        files = f"{plural(self.count, 'file')}, " if self.path.endswith("/") else ""
        if self.in_image:
            fate = "is missing from the image after the next up" if self.state == "removed" else _GOES
        else:
            fate = "stays out of the image (.dockerignore)"
        return f"{self.path} ({files}{self.state}{size}) {fate}"


_GOES = "goes into the image with the next up"


def snapshot(folder: Path) -> Snapshot:
    """Size and time of every file below a folder."""
    found: Snapshot = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_LOOKED_INTO]
        for name in names:
            path = Path(parent, name)
            try:
                info = path.lstat()
            except OSError:  # gone meanwhile
                continue
            found[path] = (info.st_size, info.st_mtime_ns)
    return found


def written(
    before: Snapshot, after: Snapshot, folder: Path, sent_before: Iterable[str], now: BuildContext
) -> list[Written]:
    """The difference of two snapshots of a folder in a build context; a new folder is told as one."""
    sent = {now.root / name for name in now.files}
    had = {now.root / name for name in sent_before}
    known = {parent for path in before for parent in path.parents}
    single: list[Written] = []
    grouped: dict[tuple[Path, bool], list[int]] = {}
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path):
            continue
        state = "removed" if path not in after else "changed" if path in before else "new"
        size, in_image = after.get(path, (0, 0))[0], path in (had if state == "removed" else sent)
        top = _new_folder(path, folder, known) if state == "new" else None
        if top is not None:
            grouped.setdefault((top, in_image), []).append(size)
        else:
            single.append(Written(path.relative_to(folder).as_posix(), state, size, in_image))
    folders = [
        Written(f"{top.relative_to(folder).as_posix()}/", "new", sum(sizes), in_image, len(sizes))
        for (top, in_image), sizes in grouped.items()
    ]
    return sorted([*single, *folders], key=lambda each: each.path)


def _new_folder(path: Path, folder: Path, known: set[Path]) -> Path | None:
    """The outermost folder around a file that was not there before."""
    outside = [parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder]
    new = [parent for parent in outside if parent not in known]
    return new[-1] if new else None


def shown_size(size: int) -> str:
    """3.1 MB and the like."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
