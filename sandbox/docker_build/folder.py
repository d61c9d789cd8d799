"""Reads a build's folder like the real provider: the files that .dockerignore does not exclude, and a hash of them.

Paths of a build are relative to the project's folder. The engine starts real plugins in that folder, but does not tell
it to a plugin that it attaches to. So the module uses the working directory of the process at the other end of the
connection.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path

import psutil
from docker.utils.build import exclude_paths

from sandbox.cloud import CloudError


def find_project(peer: str) -> Path:
    """Find the project folder of the calling engine. `peer` is gRPC's name of the client (ipv4:127.0.0.1:PORT)."""
    port = int(peer.rpartition(":")[2])
    for process in psutil.process_iter(["name"]):
        try:
            # The port alone is not enough: another process may listen on it or may have used it before.
            if any(
                connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port and connection.raddr
                for connection in process.net_connections("tcp")
            ):
                return _with_project(Path(process.cwd()))
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    raise CloudError("the sandbox did not find the process of the engine that requested the build")


def _with_project(folder: Path) -> Path:
    for place in (folder, *folder.parents):
        if (place / "Pulumi.yaml").is_file():
            return place
    raise CloudError(f"the sandbox expected the engine to run in a Pulumi project; there is no project in {folder}")


class Folder:
    """A context (relative to the project) and its Dockerfile."""

    def __init__(self, project: Path, context: str, dockerfile: str) -> None:
        self._root, self._dockerfile = project / context, project / dockerfile
        self._said = context

    def problem(self) -> tuple[str, str] | None:
        """Return (property, reason) if the context or the Dockerfile does not exist, otherwise None."""
        if not self._root.is_dir():
            return "context.location", f'"{self._said}": not a valid directory or URL'
        if not self._dockerfile.is_file():
            return "dockerfile.location", f"open {self._dockerfile}: no such file or directory"
        return None

    @property
    def dockerfile_name(self) -> str:
        """The Dockerfile's path relative to the context."""
        return os.path.relpath(self._dockerfile, self._root)

    def _files(self) -> list[str]:
        patterns: list[str] = []
        specific = self._dockerfile.with_name(f"{self._dockerfile.name}.dockerignore")
        for place in (specific, self._root / ".dockerignore"):
            if place.is_file():
                lines = place.read_text(encoding="utf-8-sig").splitlines()
                patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
                break
        paths = exclude_paths(str(self._root), patterns, self.dockerfile_name)
        return sorted(path for path in paths if path and not stat.S_ISDIR((self._root / path).lstat().st_mode))

    def hash(self) -> str:
        """Return a hash of the Dockerfile and of every file's content, name and mode."""
        summed = hashlib.sha256(self._dockerfile.read_bytes())
        for path in self._files():
            place = self._root / path
            if not place.is_dir():
                summed.update(place.read_bytes())
            summed.update(f"{path}{stat.filemode(place.lstat().st_mode)}".encode())
        return summed.hexdigest()

    def archive(self) -> bytes:
        """Pack the files of the build context."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in self._files():
                archive.add(self._root / path, path, recursive=False)
        return buffer.getvalue()
