"""Image repositories, and the images of the process executor: a folder of files, a Python environment and a command.

The process executor builds from a Dockerfile (`providers.images.recipe`) without a container engine. It copies files
into a root folder and installs the node's requirements into an environment that is cached by its content. The digest is
that of a manifest of both, so the same source results in the same digest. Real layers and a real registry need an
engine.
"""

from __future__ import annotations

import abc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pnodes.engine.lock import exclusive
from providers.images.recipe import DockerfileError, Recipe, read
from sandbox.store import Store
from sandbox.values import unpack

Log = Callable[[str], None]
Kept = TypeVar("Kept")


class BuildError(Exception):
    """The build failed; the log shows the failed step."""


class Repositories(abc.ABC, Generic[Kept]):
    """The clouds' image repositories; the type of an image (`Kept`) depends on the executor."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @abc.abstractmethod
    def build(
        self,
        repository: str,
        archive: bytes,
        dockerfile_name: str,
        build_args: Mapping[str, str],
        tags: list[str],
        log: Log,
    ) -> str:
        """Build an image from an archive (.tar.gz or .zip) into a repository; return sha256:HEX. Raises BuildError."""

    @abc.abstractmethod
    def get(self, repository: str, digest: str) -> Kept | None:
        """Return an image by repository and digest, or None."""

    def tags(self, repository: str) -> dict[str, str]:
        """Return a repository's digests by tag."""
        images = self._store.all("images", f"{repository}@")
        return {tag: key.split("@", 1)[1] for key, doc in images.items() for tag in doc["tags"]}

    def delete_repository(self, repository: str) -> None:
        """Delete a repository's images."""
        for key in self._store.all("images", f"{repository}@"):
            self._store.delete("images", key)


@dataclass(frozen=True)
class Image:
    """A built image: its files, its Python environment, and its configuration."""

    digest: str
    root: Path
    environment: Path
    env: dict[str, str]
    workdir: str
    entrypoint: list[str]
    command: list[str]


class Images(Repositories[Image]):
    """Images for the process executor.

    `cache` is kept when a sandbox is deleted: images that need the same packages share an environment.
    """

    def __init__(self, home: Path, store: Store, cache: Path) -> None:
        super().__init__(store)
        self._home, self._cache = home / "images", cache
        self._moving = threading.Lock()

    def build(
        self,
        repository: str,
        archive: bytes,
        dockerfile_name: str,
        build_args: Mapping[str, str],
        tags: list[str],
        log: Log,
    ) -> str:
        files = unpack(archive)
        if dockerfile_name not in files:
            raise BuildError(f"the context has no {dockerfile_name}")
        try:
            recipe = read(files[dockerfile_name].decode(), build_args)
        except DockerfileError as error:
            raise BuildError(str(error)) from error
        log(f"FROM {recipe.base} (replaced by this machine's Python {sys.version.split()[0]})")
        with tempfile.TemporaryDirectory(dir=_ensure_folder(self._home)) as scratch:
            context, root = Path(scratch, "context"), Path(scratch, "root")
            for name, data in files.items():
                _write(context / name, data)
            installs = self._copy(recipe, context, root, log)
            environment = self._build_environment(installs, root, log)
            manifest = {
                "files": _fingerprint(root),
                "environment": environment.name,
                "env": recipe.env,
                "workdir": recipe.workdir,
                "entrypoint": recipe.entrypoint,
                "command": recipe.command,
            }
            digest = "sha256:" + hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
            final = self._home / digest.removeprefix("sha256:")[:32]
            with self._moving:
                if not final.exists():
                    shutil.move(str(root), final)
        record = {**manifest, "root": str(final), "environment": str(environment), "tags": tags}
        self._store.put("images", f"{repository}@{digest}", record)
        log(f"built {repository}@{digest}")
        return digest

    def get(self, repository: str, digest: str) -> Image | None:
        doc = self._store.get("images", f"{repository}@{digest}")
        if doc is None:
            return None
        return Image(
            digest,
            Path(doc["root"]),
            Path(doc["environment"]),
            doc["env"],
            doc["workdir"],
            doc["entrypoint"],
            doc["command"],
        )

    def _copy(self, recipe: Recipe, context: Path, root: Path, log: Log) -> list[tuple[Path, list[str]]]:
        installs = []
        root.mkdir()
        for step in recipe.steps:
            workdir = _resolve_inside(root, step.workdir)
            workdir.mkdir(parents=True, exist_ok=True)
            if step.kind == "copy":
                log(f"COPY {' '.join(step.arguments)}")
                _copy_into(context, root, workdir, step.arguments)
            elif step.kind == "install":
                installs.append((workdir, step.arguments))
            else:
                log(f"skipped without a container engine: RUN {step.arguments[0]}")
        _resolve_inside(root, recipe.workdir).mkdir(parents=True, exist_ok=True)
        return installs

    def _build_environment(self, installs: list[tuple[Path, list[str]]], root: Path, log: Log) -> Path:
        digest = hashlib.sha256(sys.version.encode())
        for workdir, arguments in installs:
            for word in arguments:
                path = workdir / word
                content = path.read_bytes() if path.is_file() else _fingerprint(path) if path.is_dir() else ""
                digest.update(repr((word, content)).encode())
        environment = _ensure_folder(self._cache) / digest.hexdigest()[:24]
        # Builds run in parallel, also in other sandboxes that share the cache.
        with exclusive(environment.with_suffix(".lock"), lambda: log("waiting for another build of this environment")):
            if not (environment / "complete").exists():
                shutil.rmtree(environment, ignore_errors=True)
                self._run_uv(["venv", "--quiet", "--python", sys.executable, str(environment)], root, log)
                for workdir, arguments in installs:
                    log(f"pip install {' '.join(arguments)}")
                    python = str(environment / "bin" / "python")
                    self._run_uv(["pip", "install", "--quiet", "--python", python, *arguments], workdir, log)
                (environment / "complete").touch()
        return environment

    def _run_uv(self, arguments: list[str], workdir: Path, log: Log) -> None:
        env = {key: value for key, value in os.environ.items() if not key.upper().endswith("_PROXY")}
        env.setdefault("UV_SYSTEM_CERTS", "true")
        process = subprocess.run(
            [sys.executable, "-m", "uv", *arguments], cwd=workdir, env=env, capture_output=True, text=True, check=False
        )
        for line in (process.stdout + process.stderr).splitlines():
            log(f"  {line}")
        if process.returncode:
            raise BuildError(f"{' '.join(arguments[:2])} failed with exit code {process.returncode}")


def _ensure_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _resolve_inside(root: Path, path: str) -> Path:
    resolved = (root / path.lstrip("/")).resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise BuildError(f"{path} is outside the image")
    return resolved


def _copy_into(context: Path, root: Path, workdir: Path, arguments: list[str]) -> None:
    *sources, target = arguments
    destination = (
        _resolve_inside(root, target)
        if target.startswith("/")
        else _resolve_inside(root, str(workdir.relative_to(root.resolve()) / target))
    )
    paths = [Path(path) for source in sources for path in _expand(context, source)]
    into_folder = len(paths) > 1 or target.endswith("/") or target in (".", "./") or destination.is_dir()
    for source in paths:
        if not source.name or not source.exists():
            raise BuildError(f"COPY {' '.join(arguments)}: not in the build context")
        if source.is_dir():
            shutil.copytree(source, destination, dirs_exist_ok=True, symlinks=True)
        else:
            final = destination / source.name if into_folder else destination
            final.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, final)


def _expand(context: Path, pattern: str) -> list[str]:
    relative = pattern.strip("/").removeprefix("./")
    if relative in ("", "."):
        return [str(context)]
    return sorted(str(path) for path in context.glob(relative)) or [""]


def _fingerprint(root: Path) -> dict[str, Any]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
