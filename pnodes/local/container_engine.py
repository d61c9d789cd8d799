"""A container engine of this machine: podman or docker, whichever answers."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pnodes.local.refused import CannotRun

NAMES = ("podman", "docker")
_QUICK_SECONDS = 60


@dataclass(frozen=True)
class ContainerEngine:
    """An engine that answers; `path` is what is called."""

    name: str
    path: Path

    @property
    def host(self) -> str:
        """This machine, seen from a container whose network is not this machine's."""
        return "host.containers.internal" if self.name == "podman" else "host.docker.internal"

    def ask(self, environ: Mapping[str, str], *arguments: str) -> str:
        """What a quick command prints; empty when it fails."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                [str(self.path), *arguments], env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=_QUICK_SECONDS, check=False,
            )  # fmt: skip
            return done.stdout.strip() if done.returncode == 0 else ""
        return ""


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine in a container."""

    here: Path
    inside: str
    writable: bool = False

    @property
    def option(self) -> str:
        """As `--volume` wants it."""
        return f"{self.here}:{self.inside}:{'rw' if self.writable else 'ro'}"


def find_container_engine(environ: Mapping[str, str]) -> ContainerEngine:
    """The first engine that works. Raises CannotRun with what each of them said."""
    said = []
    for name in NAMES:
        path = shutil.which(name, path=environ.get("PATH"))
        if path is None:
            said.append(f"{name} is not on PATH")
            continue
        asked = [path, "info", "--format", "{{json .}}"]
        try:
            done = subprocess.run(
                asked,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_QUICK_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            said.append(f"{name} does not answer ({error})")
            continue
        if done.returncode == 0:
            return ContainerEngine(name, Path(path))
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        said.append(f"{name} does not work ({lines[-1]})")
    raise CannotRun(
        f"--container needs a container engine on this machine: {'; '.join(said)}. Install and start one, or leave "
        "--container out."
    )
