"""The Python environment of a node: what its Dockerfile installs, made once and kept by its content.

It lies in the person's cache folder, where nodes with the same requirements share it. Packages that are installed from
the context (`pip install ./common`) are built from a copy, so that nothing is written into the source.
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
from pnodes.local.python import Python, find_uv
from pnodes.local.refused import CannotRun
from providers.images.layout import Layout
from providers.images.recipe import Recipe

Say = Callable[[str], None]
_KEPT_SECONDS = 30 * 24 * 3600
_COMPLETE = "complete"


@dataclass(frozen=True)
class Installer:
    """Makes environments with uv, or with pip where there is none."""

    python: Python
    uv: Path | None
    environ: Mapping[str, str]

    def make(self, environment: Path) -> None:
        """An empty environment."""
        by_uv = [str(self.uv), "venv", "--quiet", "--python", str(self.python.path)]
        self._run([*(by_uv if self.uv else [str(self.python.path), "-m", "venv"]), str(environment)], Path.cwd())

    def install(self, environment: Path, arguments: Sequence[str], here: Path) -> None:
        """What `pip install` with these arguments would install."""
        python = str(environment / "bin" / "python")
        if self.uv:
            self._run([str(self.uv), "pip", "install", "--python", python, *arguments], here)
        else:
            self._run([python, "-m", "pip", "install", "--disable-pip-version-check", *arguments], here)

    def _run(self, command: list[str], here: Path) -> None:
        # All of the person's environment: where packages come from may be said in it. UV_INDEX_STRATEGY is what pip
        # does with several indexes; the certificates are those of the system, which pip knows by itself.
        environ = {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match", **self.environ}
        environ.pop("VIRTUAL_ENV", None)
        done = subprocess.run(command, cwd=here, env=environ, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        if done.returncode:
            what = " ".join(command[command.index("install") :] if "install" in command else command)
            raise CannotRun(f"`{what}` failed with exit code {done.returncode}; what it said is above.")


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where this program keeps what it can make again."""
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / "prediction-nodes"
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / caches / "prediction-nodes"


def environment(
    recipe: Recipe, found: Layout, python: Python, cache: Path, environ: Mapping[str, str], say: Say
) -> Path:
    """The environment of a Dockerfile's installs, made if it is not there yet. Raises CannotRun."""
    installer = Installer(python, find_uv(), environ)
    with tempfile.TemporaryDirectory() as scratch:
        installs = _laid_out(recipe, found, Path(scratch))
        made = cache / "environments" / _name(python, installs, Path(scratch))
        with exclusive(made.with_suffix(".lock"), lambda: say("waiting for another run that makes this environment")):
            if not (made / _COMPLETE).exists():
                shutil.rmtree(made, ignore_errors=True)
                by = "uv" if installer.uv else "pip"
                say(f"making the Python environment with {by}, once for these requirements: {made}")
                installer.make(made)
                for here, arguments in installs:
                    installer.install(made, arguments, here)
            (made / _COMPLETE).touch()
    _forget_old(made.parent)
    return made


def _laid_out(recipe: Recipe, found: Layout, root: Path) -> list[tuple[Path, list[str]]]:
    """The context's files under `root` as in the image, as links; where each install takes place in it, and of what."""
    for place, origin in found.files.items():
        link = root / place.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(found.root / origin)
    installs = []
    for step in recipe.steps:
        if step.kind == "install":
            here = root / step.workdir.lstrip("/")
            here.mkdir(parents=True, exist_ok=True)
            absolute = [str(root / word.lstrip("/")) if word in _known(found) else word for word in step.arguments]
            installs.append((here, absolute))
    return installs


def _known(found: Layout) -> set[str]:
    return {place for place in (*found.files, *found.folders) if place.startswith("/")}


def _name(python: Python, installs: Sequence[tuple[Path, Sequence[str]]], root: Path) -> str:
    """The same for the same packages on the same Python."""
    asked = [str(python.path), "-c", "import sys; print(sys.version, sys.base_prefix)"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    summed = hashlib.sha256(f"{version} {platform.system()} {platform.machine()}".encode())
    for here, arguments in installs:
        for word in arguments:
            summed.update(repr(word.replace(str(root), "")).encode())
            for path, content in _contents(here, word, set()):
                summed.update(f"{path} {hashlib.sha256(content).hexdigest()}\n".encode())
    return summed.hexdigest()[:24]


def _contents(here: Path, word: str, seen: set[Path]) -> Iterator[tuple[str, bytes]]:
    """Every file that a word of an install leads to: a requirements file and those it names, a package's folder."""
    path = here / word.partition("[")[0].removeprefix("file:")
    if word.startswith("-") or path in seen or not path.exists():
        return
    seen.add(path)
    if path.is_dir():
        for inside in sorted(each for each in path.rglob("*") if each.is_file()):
            yield inside.relative_to(path).as_posix(), inside.read_bytes()
        return
    content = path.read_bytes()
    yield word, content
    if path.suffix in (".txt", ".in"):
        for line in content.decode(errors="replace").splitlines():
            for inner in line.replace("=", " ").split():
                yield from _contents(path.parent, inner, seen)


def _forget_old(folder: Path) -> None:
    """Environments that nobody has used for a month go."""
    for mark in folder.glob(f"*/{_COMPLETE}"):
        if time.time() - mark.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(mark.parent, ignore_errors=True)
            mark.parent.with_suffix(".lock").unlink(missing_ok=True)
