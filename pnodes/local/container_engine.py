"""Find and call this machine's container engine: podman or docker."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pnodes.errors import UserError

NAMES = ("podman", "docker")
_QUICK_SECONDS = 60


@dataclass(frozen=True)
class ContainerEngine:
    """A working engine and its executable."""

    name: str
    path: Path

    @property
    def host(self) -> str:
        """The name of this machine in a container that does not share its network."""
        return "host.containers.internal" if self.name == "podman" else "host.docker.internal"

    def query(self, environ: Mapping[str, str], *arguments: str) -> str:
        """Run a quick command and return its output; empty if it fails."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                [str(self.path), *arguments], env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=_QUICK_SECONDS, check=False,
            )  # fmt: skip
            return done.stdout.strip() if done.returncode == 0 else ""
        return ""


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine that is mounted in a container."""

    here: Path
    inside: str
    writable: bool = False

    @property
    def option(self) -> str:
        """The value of `--volume`."""
        return f"{self.here}:{self.inside}:{'rw' if self.writable else 'ro'}"


def find_container_engine(environ: Mapping[str, str]) -> ContainerEngine:
    """Return the first engine that works. Raises UserError with each engine's problem."""
    problems = []
    for name in NAMES:
        path = shutil.which(name, path=environ.get("PATH"))
        if path is None:
            problems.append(f"{name} is not on PATH")
            continue
        command = [path, "info", "--format", "{{json .}}"]
        try:
            done = subprocess.run(
                command,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_QUICK_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            problems.append(f"{name} does not answer ({error})")
            continue
        if done.returncode == 0:
            return ContainerEngine(name, Path(path))
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        problems.append(f"{name} does not work ({lines[-1]})")
    raise UserError(
        f"--container needs a container engine on this machine: {'; '.join(problems)}. Install and start one, or omit "
        "--container."
    )
