"""A node's build context: which files go to the image builder, and one digest that names them.

The rules are Docker's own (`ignored`), of a shared context only what the Dockerfile takes from it (`copied`). The
archive is the same byte for byte on every machine, and its digest decides whether anything has to be built at all. A
context that holds keys, or that is absurdly large, is refused here, before anything is uploaded.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from providers.images import copied, ignored
from providers.images.key_files import folder_of_keys, key_in
from providers.refusal import Refusal

MAX_CONTEXT_BYTES = 1024 * 1024 * 1024
# What `pnodes`, and the log-in to Google Cloud in a workflow, keep beside nodes.yaml, which may lie in a context: never
# part of an image, so no change of it.
_OWN = ("**/.pnodes", "gha-creds-*.json")
# Fast enough not to be waited for; models hardly shrink by more.
_COMPRESSION = 4


class ContextError(Refusal):
    """The context cannot be sent to a builder; the sentence says which file, why, and what to do."""


@dataclass(frozen=True)
class BuildContext:
    """The folder that a Dockerfile may copy from, and the Dockerfile in it."""

    root: Path
    dockerfile: Path
    arguments: Mapping[str, str | None] | None = None
    """The build arguments, where other nodes share the context: then only what this Dockerfile takes is sent."""

    @property
    def dockerfile_name(self) -> str:
        """The Dockerfile's path inside the context, with forward slashes."""
        return self.dockerfile.relative_to(self.root).as_posix()

    @property
    def files(self) -> list[str]:
        """What is sent, as sorted paths inside the context with forward slashes; an empty folder ends with one."""
        return sorted(self._found)

    @property
    def has_ignore_file(self) -> bool:
        """Whether the user says what is left out; otherwise the usual debris is."""
        return ignored.ignore_file(self.root, self.dockerfile) is not None

    @cached_property
    def _found(self) -> dict[str, os.stat_result]:
        try:
            found = self._seen()
            return self._all() if found is None else found
        except OSError as error:
            raise self._unreadable(error) from None

    def _all(self) -> dict[str, os.stat_result]:
        # Docker sends both whatever is ignored: the builder needs the one, and the other there says the same.
        kept = [self.dockerfile, ignored.ignore_file(self.root, self.dockerfile)]
        return dict(ignored.walk(self.root, self._patterns())) | {
            path.relative_to(self.root).as_posix(): path.stat() for path in kept if path is not None
        }

    def _seen(self) -> dict[str, os.stat_result] | None:
        """Of a shared context what this Dockerfile takes from it; None for all of it."""
        if self.arguments is None:
            return None
        wanted = copied.sources(self.dockerfile.read_text(encoding="utf-8", errors="surrogateescape"), self.arguments)
        if wanted is None:
            return None
        found = dict(ignored.walk(self.root, self._patterns(), lambda folder: copied.on_the_way(folder, wanted)))
        links = frozenset(path for path, facts in found.items() if stat.S_ISLNK(facts.st_mode))
        seen = copied.seen(list(found), wanted, links)
        if seen is None:
            return None
        return {path: found[path] for path in seen} | {self.dockerfile_name: self.dockerfile.stat()}

    def _patterns(self) -> list[str]:
        path = ignored.ignore_file(self.root, self.dockerfile)
        if path is None:
            return [*ignored.DEBRIS, *_OWN]
        return [*ignored.patterns(path.read_text(encoding="utf-8", errors="surrogateescape")), *_OWN]

    def check(self) -> None:
        """Raise ContextError for a context that must not be sent."""
        try:
            for path in self.files:
                what = key_in(self.root, path)
                if what is not None:
                    raise ContextError(
                        f"{self._said(path)} would be sent to the image builder and end up in the image's layers, but "
                        f"it is {what}. Add {_plain(folder_of_keys(path) or path)} to {self._ignore_name}; keys reach "
                        "the node by reference."
                    )
        except OSError as error:
            raise self._unreadable(error) from None
        total = self.size
        if total > MAX_CONTEXT_BYTES:
            sizes = sorted(((facts.st_size, path) for path, facts in self._found.items()), reverse=True)
            largest = ", ".join(f"{_plain(path)} ({size / 2**20:.0f} MiB)" for size, path in sizes[:5])
            raise ContextError(
                f"the build context {self.root.name} has {total / 2**20:.0f} MiB, at most "
                f"{MAX_CONTEXT_BYTES / 2**20:.0f} MiB are sent. Its largest files: {largest}. "
                f"Name what the image does not need in {self._ignore_name}."
            )

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(facts.st_size for path, facts in self._found.items() if not path.endswith("/"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the Dockerfile's name and every file's path, kind, executable bit and content."""
        try:
            summed = self._summed()
            for path in self.files:
                if self._kind(path) in ("file", "exec"):
                    with (self.root / path).open("rb") as handle:
                        content = hashlib.file_digest(handle, "sha256").hexdigest()
                else:
                    content = self._text(path)
                summed.update(_line(self._kind(path), content, path))
        except OSError as error:
            raise self._unreadable(error) from None
        return str(summed.hexdigest())

    def pack(self, target: IO[bytes]) -> str:
        """Write the context as a .tar.gz without dates, owners or the machine's umask; returns the digest of what was
        written, file by file and never as a whole in memory."""
        summed = self._summed()
        try:
            with (
                gzip.GzipFile(
                    filename="", fileobj=target, mode="wb", mtime=0, compresslevel=_COMPRESSION
                ) as compressed,
                tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
            ):
                for path in self.files:
                    summed.update(_line(self._kind(path), self._add(archive, path), path))
        except OSError as error:
            raise self._unreadable(error) from None
        return str(summed.hexdigest())

    def _add(self, archive: tarfile.TarFile, path: str) -> str:
        entry, kind = tarfile.TarInfo(path.rstrip("/")), self._kind(path)
        entry.mode = 0o644 if kind == "file" else 0o755
        if kind in ("file", "exec"):
            with (self.root / path).open("rb") as handle:
                entry.size = os.fstat(handle.fileno()).st_size
                reading = _Reading(handle)
                archive.addfile(entry, reading)
                return reading.summed.hexdigest()
        entry.type = tarfile.SYMTYPE if kind == "link" else tarfile.DIRTYPE
        entry.linkname = (self.root / path).readlink().as_posix() if kind == "link" else ""
        archive.addfile(entry)
        return self._text(path)

    def _kind(self, path: str) -> str:
        mode = self._found[path].st_mode
        if stat.S_ISLNK(mode):
            return "link"
        return "folder" if stat.S_ISDIR(mode) else "exec" if mode & 0o100 else "file"

    def _text(self, path: str) -> str:
        said = os.fsencode((self.root / path).readlink()) if self._kind(path) == "link" else b""
        return hashlib.sha256(said).hexdigest()

    def _summed(self) -> Any:
        return hashlib.sha256(self.dockerfile_name.encode("utf-8", "surrogateescape") + b"\n")

    @property
    def _ignore_name(self) -> str:
        """The ignore file that counts, or would."""
        found = ignored.ignore_file(self.root, self.dockerfile)
        return self._said(".dockerignore" if found is None else found.relative_to(self.root).as_posix())

    def _said(self, path: str) -> str:
        return f"{self.root.name}/{_plain(path)}"

    def _unreadable(self, error: OSError) -> ContextError:
        path = Path(os.fsdecode(error.filename)) if error.filename else self.root
        inside = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        return ContextError(
            f"{self._said(inside)} cannot be read ({error.strerror or error}), so the image cannot be built. Make it "
            f"readable, or name it in {self._ignore_name} if the image does not need it."
        )


class _Reading:
    """A file that is summed while it is read."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle, self.summed = handle, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._handle.read(size)
        self.summed.update(data)
        return data


def _line(kind: str, content: str, path: str) -> bytes:
    return f"{kind} {content} {path}\0".encode("utf-8", "surrogateescape")


def _plain(path: str) -> str:
    """A path for people: names that are not UTF-8 are shown as far as they are."""
    return os.fsencode(path).decode("utf-8", "replace")
