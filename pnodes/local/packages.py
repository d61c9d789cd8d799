"""Create the Python environment of a node: the packages that its Dockerfile installs, cached by their content.

Environments are in the user's cache folder, where nodes with the same requirements share one. Packages from the context
(`pip install ./common`) are built from a copy, so that nothing is written into the source.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pnodes.engine.lock import exclusive
from pnodes.errors import UserError
from pnodes.local.python import Python, find_uv
from providers.images.layout import Layout
from providers.images.recipe import Recipe

Say = Callable[[str], None]
_KEPT_SECONDS = 30 * 24 * 3600
_COMPLETE = "complete"


@dataclass(frozen=True)
class Installer:
    """Creates environments and installs packages with uv if it is installed, otherwise with venv and pip."""

    python: Python
    uv: Path | None
    environ: Mapping[str, str]

    def create(self, environment: Path) -> None:
        """Create an empty environment."""
        uv_command = [str(self.uv), "venv", "--quiet", "--python", str(self.python.path)]
        self._run([*(uv_command if self.uv else [str(self.python.path), "-m", "venv"]), str(environment)], Path.cwd())

    def install(self, environment: Path, arguments: Sequence[str], here: Path) -> None:
        """Install what `pip install` with these arguments installs in the folder `here`."""
        python = str(environment / "bin" / "python")
        if self.uv:
            self._run([str(self.uv), "pip", "install", "--python", python, *arguments], here)
        else:
            self._run([python, "-m", "pip", "install", "--disable-pip-version-check", *arguments], here)

    def _run(self, command: list[str], here: Path) -> None:
        # The user's whole environment, since it may configure package indexes. The two UV settings make uv treat
        # several indexes and the system's certificates as pip does.
        environ = {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match", **self.environ}
        environ.pop("VIRTUAL_ENV", None)
        done = subprocess.run(command, cwd=here, env=environ, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        if done.returncode:
            what = " ".join(command[command.index("install") :] if "install" in command else command)
            raise UserError(f"`{what}` failed with exit code {done.returncode}; see its output above.")


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for files that can be recreated."""
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / "prediction-nodes"
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / caches / "prediction-nodes"


def prepare_environment(
    recipe: Recipe, layout: Layout, python: Python, cache: Path, environ: Mapping[str, str], say: Say
) -> Path:
    """Return the environment of a Dockerfile's installs; creates it if necessary. Raises UserError."""
    installer = Installer(python, find_uv(), environ)
    with tempfile.TemporaryDirectory() as scratch:
        installs = _lay_out(recipe, layout, Path(scratch))
        target = cache / "environments" / _hash_installs(python, installs, Path(scratch))
        with exclusive(
            target.with_suffix(".lock"), lambda: say("waiting for another run that creates this environment")
        ):
            if not (target / _COMPLETE).exists():
                shutil.rmtree(target, ignore_errors=True)
                by = "uv" if installer.uv else "pip"
                say(f"creating the Python environment with {by}, once for these requirements: {target}")
                installer.create(target)
                for here, arguments in installs:
                    installer.install(target, arguments, here)
            (target / _COMPLETE).touch()
    _delete_old(target.parent)
    return target


def _lay_out(recipe: Recipe, layout: Layout, root: Path) -> list[tuple[Path, list[str]]]:
    """Link the context's files below `root` as in the image; returns the folder and the arguments of each install."""
    for place, origin in layout.files.items():
        link = root / place.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(layout.root / origin)
    copied = {place for place in (*layout.files, *layout.folders) if place.startswith("/")}
    installs = []
    for step in recipe.steps:
        if step.kind == "install":
            here = root / step.workdir.lstrip("/")
            here.mkdir(parents=True, exist_ok=True)
            absolute = [str(root / word.lstrip("/")) if word in copied else word for word in step.arguments]
            installs.append((here, absolute))
    return installs


def _hash_installs(python: Python, installs: Sequence[tuple[Path, Sequence[str]]], root: Path) -> str:
    """Return a name that depends on the packages, Python and the platform only."""
    command = [str(python.path), "-c", "import sys; print(sys.version, sys.base_prefix)"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(f"{version} {platform.system()} {platform.machine()}".encode())
    for here, arguments in installs:
        for word in arguments:
            digest.update(repr(word.replace(str(root), "")).encode())
            for path, content in _read_contents(here, word, set()):
                digest.update(f"{path} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()[:24]


def _read_contents(here: Path, word: str, seen: set[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the files behind an argument of an install: requirements files, recursively, or a package's folder."""
    path = here / word.partition("[")[0].removeprefix("file:")
    if word.startswith("-") or path in seen or not path.exists():
        return
    seen.add(path)
    if path.is_dir():
        for inside in sorted(file for file in path.rglob("*") if file.is_file()):
            yield inside.relative_to(path).as_posix(), inside.read_bytes()
        return
    content = path.read_bytes()
    yield word, content
    if path.suffix in (".txt", ".in"):
        for line in content.decode(errors="replace").splitlines():
            for inner in line.replace("=", " ").split():
                yield from _read_contents(path.parent, inner, seen)


def _delete_old(folder: Path) -> None:
    """Delete environments that have not been used for 30 days."""
    for mark in folder.glob(f"*/{_COMPLETE}"):
        if time.time() - mark.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(mark.parent, ignore_errors=True)
            mark.parent.with_suffix(".lock").unlink(missing_ok=True)
