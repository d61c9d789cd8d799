"""Builds substitutes for `python:*-slim` and R images from Debian packages if no public registry can be reached.

`mmdebstrap` builds a root file system once, in about a minute. It is kept in .tools/bases, and imported into the
engine's store when a Dockerfile uses an image that it can replace. The build's log names the substitute.
`python -m sandbox.containers.base python:3.12-slim` builds one ahead of time.
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
# Manuals and translations, which public images leave out as well.
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
# As in Docker's image: there is a `python`, and pip is its own release, which may install and upgrade any package.
_PIP = (
    'chroot "$1" sh -c "wheel=\\$(echo /usr/share/python-wheels/pip-*.whl); python3 \\$wheel/pip install '
    '--no-index --no-cache-dir --root-user-action=ignore --quiet \\$wheel"'
)
_PYTHON_HOOKS = (
    'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
    'ln -s /usr/bin/python3 "$1/usr/local/bin/python3"; ln -s python3 "$1/usr/local/bin/python"',
    _PIP,
)
# Up to Python 3.11, Docker's images have these too.
_BUILD_WHEELS = ("python3-setuptools-whl", "python3-wheel-whl")
_BUILD_HOOK = (
    'chroot "$1" sh -c "pip install --no-index --no-cache-dir --root-user-action=ignore --quiet '
    '/usr/share/python-wheels/setuptools-*.whl /usr/share/python-wheels/wheel-*.whl"'
)
Log = Callable[[str], None]


class NoBaseError(Exception):
    """A base image can be neither pulled nor replaced by a substitute; the message gives the reason."""


@dataclass(frozen=True)
class Substitute:
    """A base image that is built from Debian packages to replace a public image."""

    name: str
    suite: str
    packages: tuple[str, ...]
    hooks: tuple[str, ...]
    command: str
    content: str
    """Its content, for the log."""

    @property
    def key(self) -> str:
        """Its name with the hash of its recipe, so that a changed recipe gives a new image."""
        recipe = repr((self.suite, self.packages, self.hooks, self.command, _LEFT_OUT))
        return f"{self.name}-{self.suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    @property
    def reference(self) -> str:
        """Its name in the engine's store."""
        return f"localhost/prediction-nodes/{self.name}:{self.key.removeprefix(self.name + '-')}"


def _python(tag: str) -> Substitute:
    """Return the Debian release with this Python version, or with the next one.

    Images without `-slim` have compilers and their libraries, of which packages from wheels need libgomp1.
    """
    match = re.match(r"3\.(\d+)", tag)
    suite = "bookworm" if match and int(match[1]) <= 11 else "trixie"
    content = f"Debian {suite} with Python {_PYTHONS[suite]}"
    packages: tuple[str, ...] = ("python3", "python3-venv", "ca-certificates", "tzdata")
    hooks: tuple[str, ...] = _PYTHON_HOOKS
    if suite == "bookworm":
        packages, hooks = (*packages, *_BUILD_WHEELS), (*hooks, _BUILD_HOOK)
    if "-slim" not in tag:
        packages = (*packages, "libgomp1")
    return Substitute("stand-in-python", suite, packages, hooks, "python3", content)


def _r(_tag: str) -> Substitute:
    packages = ("r-base-core", "ca-certificates", "tzdata")
    return Substitute("stand-in-r", "trixie", packages, (), "R", "Debian trixie with R 4.5")


# Public image -> its substitute. The pattern's group is the tag.
SUBSTITUTES: dict[str, Callable[[str], Substitute]] = {
    r"(?:docker\.io/)?(?:library/)?python(?::(3(?:\.\d+)*(?:-slim)?(?:-(?:bullseye|bookworm|trixie))?))?": _python,
    r"ghcr\.io/numerai/numerai_predict_py_(3_\d+):stable": lambda tag: _python(tag.replace("_", ".")),
    r"(?:docker\.io/)?(?:library/)?r-base(?::([\w.-]+))?": _r,
    r"(?:docker\.io/)?rocker/r-ver(?::([\w.-]+))?": _r,
}


def find_substitute(image: str) -> Substitute | None:
    """Return the substitute for a public image, or None."""
    for pattern, make in SUBSTITUTES.items():
        match = re.fullmatch(pattern, image)
        if match:
            return make(match[1] or "")
    return None


def reachable(url: str) -> bool:
    """Return whether a server answers, with any status (a registry first asks for a token)."""
    try:
        httpx.head(url, timeout=_REACH_SECONDS)
    except httpx.HTTPError:
        return False
    return True


class Bases:
    """Finds the image to build on for each base image in a Dockerfile."""

    def __init__(self, engine: ContainerEngine, cache: Path = CACHE) -> None:
        self._engine, self._cache = engine, cache
        self._public: bool | None = None

    def available(self) -> str:
        """Return where base images come from. Raises NoBaseError if none are available."""
        if self._hub():
            return "base images come from Docker Hub"
        default = _python("3.12-slim")
        present = self._engine.has_image(default.reference) or self._file(default).exists()
        if not present and shutil.which("mmdebstrap") is None:
            raise NoBaseError("Docker Hub cannot be reached, and mmdebstrap is not installed to build a substitute")
        if not present and not reachable(_MIRROR.format(suite=default.suite)):
            raise NoBaseError("neither Docker Hub nor Debian's mirror can be reached, so there is no base image")
        return "Debian packages replace the python and R base images, because Docker Hub cannot be reached"

    def find(self, image: str, log: Log) -> str:
        """Return the reference of the image to build on: the image itself or its substitute. Raises NoBaseError."""
        if self._engine.has_image(image) or self._hub():
            return image
        substitute = find_substitute(image)
        if substitute is None:
            return image  # perhaps on another registry; if not, the engine reports why it cannot be pulled
        log(f"{image} cannot be pulled: Docker Hub does not answer. Using a substitute: {substitute.content}.")
        self.make(substitute, log)
        return substitute.reference

    def make(self, substitute: Substitute, log: Log) -> None:
        """Import a substitute into the engine's store, building it if necessary. Raises NoBaseError."""
        if self._engine.has_image(substitute.reference):
            return
        file = self._file(substitute)
        file.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(
            file.with_suffix(".lock"), lambda: log("waiting for another process that is building this base image")
        ):
            if not file.exists():
                log(f"building {substitute.key} from Debian packages (a minute, once)")
                _bootstrap(substitute, file)
            if not self._engine.has_image(substitute.reference):
                changes = [f"ENV PATH={_PATH}", "ENV LANG=C.UTF-8", f'CMD ["{substitute.command}"]']
                options = [word for change in changes for word in ("--change", change)]
                try:
                    self._engine.execute("import", *options, str(file), substitute.reference)
                except EngineFailed as error:
                    raise NoBaseError(str(error)) from error

    def _file(self, substitute: Substitute) -> Path:
        return self._cache / f"{substitute.key}.tar"

    def _hub(self) -> bool:
        if self._public is None:
            self._public = reachable(_HUB)
        return self._public


def _bootstrap(substitute: Substitute, file: Path) -> None:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise NoBaseError("mmdebstrap is not installed, so no substitute for a base image can be built")
    arguments = ["--quiet", "--variant=minbase", "--architectures=amd64", f"--include={','.join(substitute.packages)}"]
    arguments += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    arguments += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    arguments += [f"--customize-hook={hook}" for hook in substitute.hooks]
    # Programs of the new root file system run during the build; this machine's PIP_* and PYTHON* would mislead them.
    kept = ("PATH", "HOME", "TMPDIR", "http_proxy", "https_proxy", "no_proxy")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        archive = Path(scratch, "root.tar")
        process = subprocess.run(
            [program, *arguments, substitute.suite, str(archive)],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if process.returncode:
            lines = [line for line in process.stderr.splitlines() if line.startswith("E:")] or [process.stderr.strip()]
            raise NoBaseError(f"mmdebstrap could not build {substitute.key}: {lines[0]}")
        archive.replace(file)


def remove_all(engine: ContainerEngine) -> None:
    """Remove the sandbox's images from the engine's store: substitutes, and the images of nodes."""
    images = engine.execute("images", "--quiet", "--filter=reference=localhost/prediction-nodes/*").split()
    if images:
        engine.execute("image", "rm", "--force", *dict.fromkeys(images))


def main(arguments: list[str] | None = None) -> int:
    """Build substitutes for public images ahead of time, if Docker Hub cannot be reached."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.containers.base", description=main.__doc__)
    parser.add_argument("images", nargs="*", help="public images, such as python:3.12-slim")
    parser.add_argument("--remove", action="store_true", help="remove the sandbox's images from the engine instead")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        try:
            engine = find(Path(home))
            if options.remove:
                remove_all(engine)
            bases = Bases(engine)
            for image in options.images:
                print(f"{image}: {bases.find(image, print)}", flush=True)
        except NoEngineError as error:
            if options.remove:
                return 0  # without an engine there is nothing to remove
            print(f"No base image was built: {error}.", file=sys.stderr)
            return 1
        except (NoBaseError, EngineFailed) as error:
            print(f"{error}.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
