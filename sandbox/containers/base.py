"""Base images where no public registry can be reached: Debian packages stand for `python:*-slim` and for R's images.

`mmdebstrap` makes a root file system in about a minute, once: it is kept in .tools/bases and imported into the engine's
store when a Dockerfile asks for an image that it can stand for. Each build says so, with what is in it.
`python -m sandbox.containers.base python:3.12-slim` makes one ahead of time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from pnodes.engine.lock import exclusive
from pnodes.engine.paths import TOOLS
from sandbox.containers.engine import ContainerEngine, EngineFailed, NoEngineError, find

CACHE = TOOLS / "bases"
_HUB = "https://registry-1.docker.io/v2/"
_MIRROR = "http://deb.debian.org/debian/dists/{suite}/InRelease"
_REACH_SECONDS = 5.0
_PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Manuals and translations, which images do without as well.
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
# As in Docker's image: `python` is there, pip is pip's own and may install and upgrade what it likes.
_PIP = (
    'chroot "$1" sh -c "wheel=\\$(echo /usr/share/python-wheels/pip-*.whl); python3 \\$wheel/pip install '
    '--no-index --no-cache-dir --root-user-action=ignore --quiet \\$wheel"'
)
_PYTHON_HOOKS = (
    'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
    'ln -s /usr/bin/python3 "$1/usr/local/bin/python3"; ln -s python3 "$1/usr/local/bin/python"',
    _PIP,
)
Log = Callable[[str], None]


class NoBaseError(Exception):
    """A base image can neither be pulled nor be stood for; the sentence says why not."""


@dataclass(frozen=True)
class StandIn:
    """What is made of Debian's packages in place of a public image."""

    name: str
    suite: str
    packages: tuple[str, ...]
    hooks: tuple[str, ...]
    command: str
    says: str
    """What is in it, for the log."""

    @property
    def key(self) -> str:
        """Its name with the hash of its recipe: another recipe is another image."""
        recipe = repr((self.suite, self.packages, self.hooks, self.command, _LEFT_OUT))
        return f"{self.name}-{self.suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    @property
    def reference(self) -> str:
        """Its name in the engine's store."""
        return f"localhost/prediction-nodes/{self.name}:{self.key.removeprefix(self.name + '-')}"


def _python(tag: str) -> StandIn:
    """The Debian release with the Python that was asked for, or else with the next one."""
    found = re.match(r"3\.(\d+)", tag)
    suite = "bookworm" if found and int(found[1]) <= 11 else "trixie"
    says = f"Debian {suite} with Python {_PYTHONS[suite]}"
    packages = ("python3", "python3-venv", "ca-certificates", "tzdata")
    return StandIn("stand-in-python", suite, packages, _PYTHON_HOOKS, "python3", says)


def _r(_tag: str) -> StandIn:
    packages = ("r-base-core", "ca-certificates", "tzdata")
    return StandIn("stand-in-r", "trixie", packages, (), "R", "Debian trixie with R 4.5")


# Public image -> what stands for it. The pattern's group is the tag.
STAND_INS: dict[str, Callable[[str], StandIn]] = {
    r"(?:docker\.io/)?(?:library/)?python(?::(3(?:\.\d+)*(?:-slim)?(?:-(?:bullseye|bookworm|trixie))?))?": _python,
    r"(?:docker\.io/)?(?:library/)?r-base(?::([\w.-]+))?": _r,
    r"(?:docker\.io/)?rocker/r-ver(?::([\w.-]+))?": _r,
}


def stand_in(image: str) -> StandIn | None:
    """What stands for a public image, if anything does."""
    for pattern, make in STAND_INS.items():
        found = re.fullmatch(pattern, image)
        if found:
            return make(found[1] or "")
    return None


def reachable(url: str) -> bool:
    """Whether a server answers, with whatever status (a registry asks for a token first)."""
    try:
        httpx.head(url, timeout=_REACH_SECONDS)
    except httpx.HTTPError:
        return False
    return True


class Bases:
    """Finds for each image that a Dockerfile begins from what to build on."""

    def __init__(self, engine: ContainerEngine, cache: Path = CACHE) -> None:
        self._engine, self._cache = engine, cache
        self._public: bool | None = None

    def available(self) -> str:
        """How base images come here. Raises NoBaseError when they do not."""
        if self._hub():
            return "base images come from Docker Hub"
        default = _python("")
        here = self._engine.has_image(default.reference) or self._file(default).exists()
        if not here and shutil.which("mmdebstrap") is None:
            raise NoBaseError("Docker Hub cannot be reached, and mmdebstrap is not installed to make a stand-in")
        if not here and not reachable(_MIRROR.format(suite=default.suite)):
            raise NoBaseError("neither Docker Hub nor Debian's mirror can be reached, so there is no base image")
        return "bases made of Debian packages stand for python and R images, as Docker Hub cannot be reached"

    def find(self, image: str, log: Log) -> str:
        """The reference to build on: the image itself, or that of its stand-in. Raises NoBaseError."""
        if self._engine.has_image(image) or self._hub():
            return image
        found = stand_in(image)
        if found is None:
            return image  # on another registry, perhaps; if not, the engine says why it cannot be pulled
        log(f"{image} cannot be pulled: no answer from Docker Hub. A stand-in takes its place: {found.says}.")
        self.make(found, log)
        return found.reference

    def make(self, wanted: StandIn, log: Log) -> None:
        """Bring a stand-in into the engine's store. Raises NoBaseError."""
        if self._engine.has_image(wanted.reference):
            return
        file = self._file(wanted)
        file.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(file.with_suffix(".lock"), lambda: log("waiting for another process that makes this base")):
            if not file.exists():
                log(f"making {wanted.key} out of Debian's packages (a minute, once)")
                _bootstrap(wanted, file)
            if not self._engine.has_image(wanted.reference):
                changes = [f"ENV PATH={_PATH}", "ENV LANG=C.UTF-8", f'CMD ["{wanted.command}"]']
                options = [word for change in changes for word in ("--change", change)]
                try:
                    self._engine.do("import", *options, str(file), wanted.reference)
                except EngineFailed as error:
                    raise NoBaseError(str(error)) from error

    def _file(self, wanted: StandIn) -> Path:
        return self._cache / f"{wanted.key}.tar"

    def _hub(self) -> bool:
        if self._public is None:
            self._public = reachable(_HUB)
        return self._public


def _bootstrap(wanted: StandIn, file: Path) -> None:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise NoBaseError("mmdebstrap is not installed, so no stand-in for a base image can be made")
    arguments = ["--quiet", "--variant=minbase", "--architectures=amd64", f"--include={','.join(wanted.packages)}"]
    arguments += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    arguments += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    arguments += [f"--customize-hook={hook}" for hook in wanted.hooks]
    # Its programs run inside the new root, where this machine's settings (PIP_..., PYTHON...) mean nothing.
    kept = ("PATH", "HOME", "TMPDIR", "http_proxy", "https_proxy", "no_proxy")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        made = Path(scratch, "root.tar")
        done = subprocess.run(
            [program, *arguments, wanted.suite, str(made)],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or [done.stderr.strip()]
            raise NoBaseError(f"mmdebstrap could not make {wanted.key}: {lines[0]}")
        made.replace(file)


def remove_all(engine: ContainerEngine) -> None:
    """Remove what the sandbox keeps in the engine's store: stand-ins, and images that it built."""
    ours = engine.do("images", "--quiet", "--filter=reference=localhost/prediction-nodes/*").split()
    if ours:
        engine.do("image", "rm", "--force", *dict.fromkeys(ours))


def main(arguments: list[str] | None = None) -> int:
    """Make stand-ins for public images now, if they will be needed."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.containers.base", description=main.__doc__)
    parser.add_argument("images", nargs="*", help="public images, such as python:3.12-slim")
    parser.add_argument("--remove", action="store_true", help="remove the sandbox's images from the engine instead")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        try:
            engine = find(Path(home))
            if chosen.remove:
                remove_all(engine)
            bases = Bases(engine)
            for image in chosen.images:
                print(f"{image}: {bases.find(image, print)}", flush=True)
        except NoEngineError as error:
            if chosen.remove:
                return 0  # without an engine there is nothing to remove
            print(f"No base image was made, because {error}.", file=sys.stderr)
            return 1
        except (NoBaseError, EngineFailed) as error:
            print(f"{error}.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
