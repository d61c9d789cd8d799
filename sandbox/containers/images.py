"""Builds images from unmodified Dockerfiles with a container engine, and pushes them to the registry.

One build runs at a time, so that nodes whose first steps are the same use each other's cached layers. This saves more
time than parallel builds would.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from providers.images.dockerfile import parse
from providers.images.stages import find_bases
from providers.images.unpack import UnpackError, unpack
from sandbox.containers import instructions, outside
from sandbox.containers.base import Bases, NoBaseError
from sandbox.containers.engine import ContainerEngine, EngineFailed
from sandbox.containers.registry import Registry
from sandbox.images import BuildError, Log, Repositories
from sandbox.store import Store

_PLATFORM = "linux/amd64"
# Podman fails with these messages if another process deletes an image (of another sandbox or of a removed node) while
# podman searches all images for cached layers. A second attempt no longer finds that image.
_GONE_MEANWHILE = ("layer not known", "image not known")
_LOOKS = 3


@dataclass(frozen=True)
class ContainerImage:
    """An image in the registry; `reference` is its full name with the digest."""

    digest: str
    reference: str


class ContainerImages(Repositories[ContainerImage]):
    """Images for the container executor."""

    def __init__(self, engine: ContainerEngine, registry: Registry, bases: Bases, store: Store) -> None:
        super().__init__(store)
        self._engine, self._registry, self._bases = engine, registry, bases
        self._one = threading.Lock()

    def build(
        self,
        repository: str,
        archive: bytes,
        dockerfile_name: str,
        build_args: Mapping[str, str],
        tags: list[str],
        log: Log,
    ) -> str:
        if not self._one.acquire(blocking=False):
            log("waiting for another image's build")
            self._one.acquire()
        try:
            with tempfile.TemporaryDirectory(prefix="build-") as scratch:
                digest = self._build_and_push(
                    Path(scratch), repository, archive, dockerfile_name, build_args, tags, log
                )
        except (EngineFailed, NoBaseError) as error:
            raise BuildError(str(error)) from error
        finally:
            self._one.release()
        self._store.put("images", f"{repository}@{digest}", {"tags": tags})
        log(f"pushed {repository}@{digest}")
        return digest

    def get(self, repository: str, digest: str) -> ContainerImage | None:
        record = self._store.get("images", f"{repository}@{digest}")
        return None if record is None else ContainerImage(digest, f"{self._registry.address}/{repository}@{digest}")

    def delete_repository(self, repository: str) -> None:
        for key in self._store.all("images", f"{repository}@"):
            digest = key.split("@", 1)[1]
            self._registry.delete(repository, digest)
            self._engine.attempt(["image", "rm", "--force", f"{self._registry.address}/{repository}@{digest}"])
        self._engine.attempt(["image", "rm", "--force", _name_kept(repository)])
        super().delete_repository(repository)

    def _build_and_push(
        self,
        scratch: Path,
        repository: str,
        archive: bytes,
        dockerfile_name: str,
        build_args: Mapping[str, str],
        tags: list[str],
        log: Log,
    ) -> str:
        context = scratch / "context"
        _extract(archive, context)
        dockerfile = context / dockerfile_name
        if not dockerfile.is_file():
            raise BuildError(f"the context has no {dockerfile_name}")
        text = dockerfile.read_text()
        options = [*self._resolve_bases(text, build_args, log), *outside.proxies(os.environ)]
        secrets = outside.read_machine().secrets(scratch)
        if secrets:
            options += [f"--secret=id={name},src={path}" for name, path in secrets.items()]
            # Written beside the context, which is not changed.
            ignore = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
            dockerfile = scratch / "Dockerfile"
            dockerfile.write_text(instructions.with_mounts(text, outside.mounts(secrets)))
            if ignore.is_file():
                shutil.copy(ignore, f"{dockerfile}.dockerignore")
        options += [f"--build-arg={name}={value}" for name, value in build_args.items()]
        local = _name_kept(repository)
        options += [f"--platform={_PLATFORM}", "--network=host", f"--file={dockerfile}", f"--tag={local}"]
        for look in range(1, _LOOKS + 1):
            try:
                self._run([*self._engine.build, *options, str(context)], log)
                break
            except BuildError as error:
                if look == _LOOKS or not str(error).endswith(_GONE_MEANWHILE):
                    raise
                log("an image was removed during the build; trying again")
        return self._push(repository, local, tags)

    def _resolve_bases(self, text: str, build_args: Mapping[str, str], log: Log) -> list[str]:
        options = []
        for written, image in find_bases(parse(text), build_args).items():
            reference = self._bases.find(image, log)
            if reference != image:
                # Podman looks up a base image under the name as written, docker under the resolved name.
                options += [f"--build-context={name}=docker-image://{reference}" for name in {written: 0, image: 0}]
        return options

    def _push(self, repository: str, local: str, tags: list[str]) -> str:
        digest = None
        for tag in tags:
            reference = f"{self._registry.address}/{repository}:{tag}"
            self._engine.execute("tag", local, reference)
            try:
                self._engine.execute("push", *self._engine.without_tls, reference)
            finally:
                self._engine.attempt(["image", "rm", reference])  # removes only this name; `local` keeps the image
            digest = self._registry.digest(repository, tag)
        if digest is None:
            raise BuildError(f"the registry does not have {repository} under {tags} after the push")
        return digest

    def _run(self, arguments: list[str], log: Log) -> None:
        """Run a build and log its output line by line. Raises BuildError with the last line."""
        last = ""
        with subprocess.Popen(
            self._engine.argv(*arguments),
            env=self._engine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                log(line.rstrip())
                last = line.strip() or last
        if process.returncode:
            raise BuildError(f"the build failed: {last.removeprefix('Error: ')}")


def _name_kept(repository: str) -> str:
    """Return the engine's name for the newest image of a repository, which it keeps for its layers."""
    return f"localhost/prediction-nodes/built:{hashlib.sha256(repository.encode()).hexdigest()[:16]}"


def _extract(archive: bytes, folder: Path) -> None:
    """Extract a zip or (compressed) tar with the files' modes and links. Raises BuildError."""
    folder.mkdir()
    try:
        if archive[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(archive)) as bundle:
                bundle.extractall(folder)  # zipfile itself prevents paths outside the folder
        else:
            unpack(io.BytesIO(archive), folder)
    except (UnpackError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise BuildError(f"the context cannot be unpacked: {error}") from error
