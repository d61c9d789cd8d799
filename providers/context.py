"""A node's build context: which files go to the image builder, and one digest that names them.

The rules are Docker's own (`.dockerignore` with its `!` exceptions, read by the docker package), the archive is the
same byte for byte on every machine, and its digest decides whether anything has to be built at all. A context that
holds keys, or that is absurdly large, is refused here, before anything is uploaded.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from docker.utils.build import exclude_paths

MAX_CONTEXT_BYTES = 1024 * 1024 * 1024
# What `pnodes` keeps beside nodes.yaml, which may lie in a context: never part of an image, so no change of it.
_OWN = "**/.pnodes"
_KEY_FILES = frozenset({".env", ".numerai", ".keys", "id_rsa", "id_ed25519", ".pypirc", ".netrc"})


class ContextError(Exception):
    """The context cannot be sent to a builder; the sentence says which file, why, and what to do."""


@dataclass(frozen=True)
class BuildContext:
    """The folder that a Dockerfile may copy from, and the Dockerfile in it."""

    root: Path
    dockerfile: Path

    @property
    def dockerfile_name(self) -> str:
        """The Dockerfile's path inside the context, with forward slashes."""
        return self.dockerfile.relative_to(self.root).as_posix()

    @cached_property
    def files(self) -> list[str]:
        """Every file and symlink that is sent, as sorted paths inside the context with forward slashes."""
        return sorted(
            path.replace(os.sep, "/")
            for path in exclude_paths(str(self.root), [*self._ignored_patterns(), _OWN], self.dockerfile_name)
            if path and not stat.S_ISDIR((self.root / path).lstat().st_mode)
        )

    def _ignored_patterns(self) -> list[str]:
        # BuildKit's rule: a file named after the Dockerfile wins over the context's own.
        own = self.dockerfile.with_name(self.dockerfile.name + ".dockerignore")
        for ignore_file in (own, self.root / ".dockerignore"):
            if ignore_file.is_file():
                lines = ignore_file.read_text(encoding="utf-8-sig").splitlines()
                return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        return []

    def check(self) -> None:
        """Raise ContextError for a context that must not be sent."""
        for path in self.files:
            if any(part in _KEY_FILES for part in path.split("/")):
                raise ContextError(
                    f"{self.root.name}/{path} would be sent to the image builder and end up in the image's layers. "
                    f"Add {path.split('/')[-1]} to {self.root.name}/.dockerignore; keys reach the node by reference."
                )
        sizes = sorted(((self.root / path).lstat().st_size, path) for path in self.files)
        total = sum(size for size, _ in sizes)
        if total > MAX_CONTEXT_BYTES:
            largest = ", ".join(f"{path} ({size / 2**20:.0f} MiB)" for size, path in reversed(sizes[-5:]))
            raise ContextError(
                f"the build context {self.root.name} has {total / 2**20:.0f} MiB, at most "
                f"{MAX_CONTEXT_BYTES / 2**20:.0f} MiB are sent. Its largest files: {largest}. "
                f"Name what the image does not need in {self.root.name}/.dockerignore."
            )

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the Dockerfile's name and every file's path, kind, executable bit and content."""
        summed = hashlib.sha256(self.dockerfile_name.encode() + b"\n")
        for path in self.files:
            info = (self.root / path).lstat()
            if stat.S_ISLNK(info.st_mode):
                kind, content = "link", hashlib.sha256(str((self.root / path).readlink()).encode()).hexdigest()
            else:
                kind = "exec" if info.st_mode & 0o100 else "file"
                with (self.root / path).open("rb") as handle:
                    content = hashlib.file_digest(handle, "sha256").hexdigest()
            summed.update(f"{kind} {content} {path}\n".encode("utf-8", "surrogateescape"))
        return summed.hexdigest()

    def archive(self) -> bytes:
        """The context as a .tar.gz without dates, owners or the machine's umask in it."""
        buffer = io.BytesIO()
        with (
            gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=6) as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for path in self.files:
                self._add(archive, path)
        return buffer.getvalue()

    def _add(self, archive: tarfile.TarFile, path: str) -> None:
        entry = archive.gettarinfo(str(self.root / path), path)
        if entry is None:
            raise ContextError(f"{self.root.name}/{path} is neither a file nor a link; name it in .dockerignore")
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = 0
        if entry.islnk():  # the second name of one file on this disk: send it as a file of its own
            entry.type, entry.linkname = tarfile.REGTYPE, ""
            entry.size = (self.root / path).stat().st_size
        entry.mode = 0o755 if entry.mode & 0o100 else 0o644
        if entry.isreg():
            with (self.root / path).open("rb") as handle:
                archive.addfile(entry, handle)
        else:
            archive.addfile(entry)
