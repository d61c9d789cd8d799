"""A node's build context: the files that are sent to the image builder, and a digest that identifies them.

Files are ignored by Docker's own rules (`ignored`), and from a shared context only the files that the Dockerfile uses
are sent (`copied`). The archive is the same byte for byte on every machine, and its digest decides whether to build. A
context that contains keys or is too large is rejected before anything is uploaded.
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
from providers.images.key_files import find_key, find_key_folder
from providers.images.once import read_once
from providers.refusal import Refusal

MAX_CONTEXT_BYTES = 1024 * 1024 * 1024
# Files of `pnodes` and of the Google Cloud login in workflows, which may be in a context next to nodes.yaml. They are
# never part of an image, so they must not change its digest.
_OWN = ("**/.pnodes", "gha-creds-*.json")
# A fast level; higher ones hardly make models smaller.
_COMPRESSION = 4


class ContextError(Refusal):
    """The context cannot be sent to a builder; the message names the file, the reason and the remedy."""


@dataclass(frozen=True)
class BuildContext:
    """The folder that a Dockerfile may copy from, and the Dockerfile."""

    root: Path
    dockerfile: Path
    arguments: Mapping[str, str | None] | None = None
    """The build arguments if the context is shared. Then only the files that this Dockerfile uses are sent."""

    @property
    def dockerfile_name(self) -> str:
        """The Dockerfile's path in the context, with forward slashes."""
        return self.dockerfile.relative_to(self.root).as_posix()

    @property
    def files(self) -> list[str]:
        """Sorted paths of the files to send, with forward slashes; an empty folder ends with a slash."""
        return sorted(self._entries)

    @property
    def ignore_file(self) -> Path | None:
        """The ignore file; None if there is none, and only the usual debris is left out."""
        return ignored.find_ignore_file(self.root, self.dockerfile)

    @cached_property
    def _entries(self) -> dict[str, os.stat_result]:
        try:
            used = self._find_used()
            return self._find_all() if used is None else used
        except OSError as error:
            raise self._explain(error) from None
        except ignored.BadPattern as error:
            raise ContextError(
                f"{self._ignore_name} has a pattern that cannot be read: {_make_printable(str(error))}. Expected a "
                "pattern as Docker describes it, such as data/*.csv; correct or remove it."
            ) from None

    def _find_all(self) -> dict[str, os.stat_result]:
        # Docker sends both files even if they are ignored: the builder needs the Dockerfile, and the ignore file
        # excludes the same files there.
        kept = [self.dockerfile, self.ignore_file]
        return dict(ignored.walk(self.root, self._read_patterns())) | {
            path.relative_to(self.root).as_posix(): path.stat() for path in kept if path is not None
        }

    def _find_used(self) -> dict[str, os.stat_result] | None:
        """Find the files of a shared context that this Dockerfile uses; None for all files."""
        if self.arguments is None:
            return None
        text = self.dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
        sources = copied.find_sources(text, self.arguments)
        if sources is None:
            return None
        walk = ignored.walk(self.root, self._read_patterns(), lambda folder: copied.may_contain(folder, sources))
        entries = dict(walk)
        links = frozenset(path for path, facts in entries.items() if stat.S_ISLNK(facts.st_mode))
        used = copied.select_files(list(entries), sources, links)
        if used is None:
            return None
        return {path: entries[path] for path in used} | {self.dockerfile_name: self.dockerfile.stat()}

    def _read_patterns(self) -> list[str]:
        path = self.ignore_file
        if path is None:
            return [*ignored.DEBRIS, *_OWN]
        return [*ignored.parse_patterns(path.read_text(encoding="utf-8", errors="surrogateescape")), *_OWN]

    def check(self, uploaded: bool = True) -> None:
        """Raise ContextError if the context contains keys, or is too large to be `uploaded` to a cloud's builder."""
        try:
            for path in self.files:
                key = find_key(self.root, path)
                if key is not None:
                    raise ContextError(
                        f"{self._name(path)} would be sent to the image builder and end up in the image's layers, but "
                        f"it is {key}. Add {_make_printable(find_key_folder(path) or path)} to {self._ignore_name}; "
                        "the node gets its keys by reference."
                    )
        except OSError as error:
            raise self._explain(error) from None
        total = self.size
        if uploaded and total > MAX_CONTEXT_BYTES:
            sizes = sorted(((facts.st_size, path) for path, facts in self._entries.items()), reverse=True)
            largest = ", ".join(f"{_make_printable(path)} ({size / 2**20:.0f} MiB)" for size, path in sizes[:5])
            raise ContextError(
                f"the build context {self.root.name} has {total / 2**20:.0f} MiB, but the limit is "
                f"{MAX_CONTEXT_BYTES / 2**20:.0f} MiB. Its largest files: {largest}. "
                f"Add files that the image does not need to {self._ignore_name}, or build it with Docker on your "
                "machine, which has no limit: `build: {docker: true}`."
            )

    @property
    def size(self) -> int:
        """Total size of the files in bytes."""
        return sum(facts.st_size for path, facts in self._entries.items() if not path.endswith("/"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the Dockerfile's name and every file's path, kind, executable bit and content."""
        try:
            hashed = self._start_hash()
            for path in self.files:
                if self._kind(path) in ("file", "exec"):
                    content = _hash_file(self.root / path, self._entries[path])
                else:
                    content = self._hash_target(path)
                hashed.update(_format_line(self._kind(path), content, path))
        except OSError as error:
            raise self._explain(error) from None
        return str(hashed.hexdigest())

    def pack(self, target: IO[bytes]) -> str:
        """Write the context as a .tar.gz without dates, owners or the machine's umask, and return the digest of the
        written files. Files are streamed, never held in memory."""
        hashed = self._start_hash()
        try:
            with (
                gzip.GzipFile(
                    filename="", fileobj=target, mode="wb", mtime=0, compresslevel=_COMPRESSION
                ) as compressed,
                tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
            ):
                for path in self.files:
                    hashed.update(_format_line(self._kind(path), self._add(archive, path), path))
        except OSError as error:
            raise self._explain(error) from None
        return str(hashed.hexdigest())

    def _add(self, archive: tarfile.TarFile, path: str) -> str:
        entry, kind = tarfile.TarInfo(path.rstrip("/")), self._kind(path)
        entry.mode = 0o644 if kind == "file" else 0o755
        if kind in ("file", "exec"):
            with (self.root / path).open("rb") as handle:
                entry.size = os.fstat(handle.fileno()).st_size
                reader = _HashingReader(handle)
                archive.addfile(entry, reader)
                return reader.hashed.hexdigest()
        entry.type = tarfile.SYMTYPE if kind == "link" else tarfile.DIRTYPE
        entry.linkname = (self.root / path).readlink().as_posix() if kind == "link" else ""
        archive.addfile(entry)
        return self._hash_target(path)

    def _kind(self, path: str) -> str:
        mode = self._entries[path].st_mode
        if stat.S_ISLNK(mode):
            return "link"
        return "folder" if stat.S_ISDIR(mode) else "exec" if mode & 0o100 else "file"

    def _hash_target(self, path: str) -> str:
        target = os.fsencode((self.root / path).readlink()) if self._kind(path) == "link" else b""
        return hashlib.sha256(target).hexdigest()

    def _start_hash(self) -> Any:
        return hashlib.sha256(self.dockerfile_name.encode("utf-8", "surrogateescape") + b"\n")

    @property
    def _ignore_name(self) -> str:
        """The name of the ignore file that is in use, or of the one to create."""
        path = self.ignore_file or self.root / ".dockerignore"
        return self._name(path.relative_to(self.root).as_posix())

    def _name(self, path: str) -> str:
        return f"{self.root.name}/{_make_printable(path)}"

    def _explain(self, error: OSError) -> ContextError:
        path = Path(os.fsdecode(error.filename)) if error.filename else self.root
        inside = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        return ContextError(
            f"{self._name(inside)} cannot be read ({error.strerror or error}), so the image cannot be built. Make it "
            f"readable, or add it to {self._ignore_name} if the image does not need it."
        )


@read_once
def _hash_file(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class _HashingReader:
    """Hashes a file while it is read."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle, self.hashed = handle, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        data = self._handle.read(size)
        self.hashed.update(data)
        return data


def _format_line(kind: str, content: str, path: str) -> bytes:
    return f"{kind} {content} {path}\0".encode("utf-8", "surrogateescape")


def _make_printable(path: str) -> str:
    """Return a path as valid UTF-8; other bytes are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
