"""Find the files that a run has written into the source folder, and whether the next image will contain them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pnodes.wording import plural
from providers.images.context import BuildContext

# These folders contain no model files, and far too many files to scan.
_NOT_SCANNED = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", ".pnodes"})
_UNITS = ((2**30, "GB"), (2**20, "MB"), (2**10, "KB"))

Snapshot = dict[Path, tuple[int, int]]


@dataclass(frozen=True)
class Written:
    """A file, or a folder of new files, that a run has written; `state` is new, changed or removed."""

    path: str
    state: str
    size: int
    in_image: bool
    count: int = 1

    def __str__(self) -> str:
        size = "" if self.state == "removed" else f", {format_size(self.size)}"
        files = f"{plural(self.count, 'file')}, " if self.path.endswith("/") else ""
        if self.in_image:
            fate = "will be missing from the image after the next `pulumi up`" if self.state == "removed" else _INCLUDED
        else:
            fate = "stays out of the image (.dockerignore)"
        return f"{self.path} ({files}{self.state}{size}) {fate}"


_INCLUDED = "will be in the image after the next `pulumi up`"


def take_snapshot(folder: Path) -> Snapshot:
    """Return the size and the modification time of every file below a folder."""
    files: Snapshot = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_SCANNED]
        for name in names:
            path = Path(parent, name)
            try:
                info = path.lstat()
            except OSError:  # deleted in the meantime
                continue
            files[path] = (info.st_size, info.st_mtime_ns)
    return files


def list_written(
    before: Snapshot, after: Snapshot, folder: Path, sent_before: Iterable[str], context: BuildContext
) -> list[Written]:
    """Return the differences of two snapshots of a folder in a build context; a new folder is one entry."""
    in_context = {context.root / name for name in context.files}
    in_context_before = {context.root / name for name in sent_before}
    known = {parent for path in before for parent in path.parents}
    single: list[Written] = []
    grouped: dict[tuple[Path, bool], list[int]] = {}
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path):
            continue
        state = "removed" if path not in after else "changed" if path in before else "new"
        size, in_image = after.get(path, (0, 0))[0], path in (in_context_before if state == "removed" else in_context)
        top = _new_folder(path, folder, known) if state == "new" else None
        if top is not None:
            grouped.setdefault((top, in_image), []).append(size)
        else:
            single.append(Written(path.relative_to(folder).as_posix(), state, size, in_image))
    folders = [
        Written(f"{top.relative_to(folder).as_posix()}/", "new", sum(sizes), in_image, len(sizes))
        for (top, in_image), sizes in grouped.items()
    ]
    return sorted([*single, *folders], key=lambda item: item.path)


def _new_folder(path: Path, folder: Path, known: set[Path]) -> Path | None:
    """Return the outermost new folder around a new file, or None."""
    outside = [parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder]
    new = [parent for parent in outside if parent not in known]
    return new[-1] if new else None


def format_size(size: int) -> str:
    """Return, for example, 3.1 MB."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
