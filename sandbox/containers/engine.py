"""The container engine of this machine: podman or docker from PATH, used only after a successful trial.

Both have the same commands, with two exceptions that `ContainerEngine` handles: podman needs a flag for a registry
without TLS (docker allows it on loopback), and docker builds with BuildKit. In a small virtual machine podman's
defaults may exceed the available limits or need cgroups that `crun` refuses. Podman is then tried again with a less
demanding configuration in the sandbox's home.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.containers import trial

ENGINES = ("podman", "docker")
_CHECK_SECONDS = 20.0


class NoEngineError(Exception):
    """No container engine works on this machine; the message gives the reasons."""


class EngineFailed(Exception):
    """A command of the engine failed; the message ends with the engine's own."""


@dataclass(frozen=True)
class ContainerEngine:
    """A working engine: `name` is for messages, `env` has the variables that it needs besides this process's own."""

    name: str
    path: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def without_tls(self) -> list[str]:
        """The flags with which `pull` and `push` accept the registry on loopback."""
        return [] if self.name == "docker" else ["--tls-verify=false"]

    @property
    def build(self) -> list[str]:
        """The subcommand that builds an image."""
        return ["buildx", "build"] if self.name == "docker" else ["build"]

    def argv(self, *arguments: str) -> list[str]:
        """Return a command line of this engine."""
        return [self.path, *arguments]

    def environment(self) -> dict[str, str]:
        """Return the environment of the engine's processes."""
        return {**os.environ, **self.env}

    def attempt(self, arguments: list[str], seconds: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command until it ends, whatever its exit code. Raises subprocess.TimeoutExpired."""
        words = [*self.build, *arguments[1:]] if arguments[0] == "build" else arguments
        return subprocess.run(
            self.argv(*words),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )

    def execute(self, *arguments: str) -> str:
        """Run a command and return its output. Raises EngineFailed."""
        process = self.attempt(list(arguments))
        if process.returncode:
            raise EngineFailed(f"{self.name} {arguments[0]} failed: {last_line(process.stderr)}")
        return process.stdout.strip()

    def has_image(self, reference: str) -> bool:
        """Return whether an image is in the engine's own store."""
        return self.attempt(["image", "inspect", reference]).returncode == 0


def last_line(text: str) -> str:
    """Return the last line of a command's output, which usually gives the reason of a failure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else "it gave no reason"


def find(home: Path) -> ContainerEngine:
    """Return the first engine that works. Raises NoEngineError with a reason for each installed engine."""
    reasons = []
    for name in ENGINES:
        path = shutil.which(name)
        if path is None:
            continue
        try:
            candidates = _candidates(name, path, home)
        except (OSError, subprocess.TimeoutExpired) as error:
            reasons.append(f"{name} does not work here ({error})")
            continue
        for engine in candidates:
            reason = _find_fault(engine)
            if not reason:
                return engine
        reasons.append(f"{name} does not work here ({reason})")
    if not reasons:
        raise NoEngineError(f"neither {' nor '.join(ENGINES)} is installed")
    raise NoEngineError("; ".join(reasons))


def _candidates(name: str, path: str, home: Path) -> list[ContainerEngine]:
    if name == "docker" and _is_docker(path):
        return [ContainerEngine("docker", path, _build_settings(path))]
    plain = ContainerEngine("podman", path)
    return [plain, ContainerEngine("podman", path, {"CONTAINERS_CONF": str(_write_modest_configuration(home))})]


def _is_docker(path: str) -> bool:
    """Return whether `docker` is really docker, not podman under another name (Debian's podman-docker)."""
    return "podman" not in ContainerEngine("docker", path).attempt(["--version"], _CHECK_SECONDS).stdout.lower()


def _build_settings(path: str) -> dict[str, str]:
    """Return the variables for docker's builds: plain progress, no attestations, the context's default builder.

    The default builder shares the machine's network and images, which a builder of the user's own does not.
    """
    context = ContainerEngine("docker", path).attempt(["context", "show"], _CHECK_SECONDS).stdout.strip() or "default"
    return {"BUILDKIT_PROGRESS": "plain", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_BUILDER": context}


def _find_fault(engine: ContainerEngine) -> str:
    try:
        if engine.name == "docker":
            daemon = engine.attempt(["version"], _CHECK_SECONDS)
            if daemon.returncode:
                return last_line(daemon.stderr)
            if engine.attempt(["buildx", "version"], _CHECK_SECONDS).returncode:
                return "buildx is not installed, which builds need"
        return trial.failure(engine)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)


def _write_modest_configuration(home: Path) -> Path:
    """Write a podman configuration whose limits are those of this machine's processes; return its path."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    # Podman lowers its own process limit to the kernel's maximum, so a container's limit must not exceed that.
    most = Path("/proc/sys/kernel/pid_max")
    pids = int(most.read_text()) if most.exists() else processes
    ulimits = {"nofile": files, "nproc": min(processes, pids) if processes > 0 else pids}
    limits = [f'"{name}={count}:{count}"' for name, count in ulimits.items() if count > 0]
    lines = ["[containers]", f"default_ulimits = [{', '.join(limits)}]", "[engine]", 'cgroup_manager = "cgroupfs"']
    if shutil.which("runc", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"):
        lines.append('runtime = "runc"')
    path = home / "containers" / "containers.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, 'events_logger = "file"', ""]))
    return path
