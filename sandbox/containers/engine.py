"""The container engine of this machine: podman or docker, found on PATH and believed only after a trial.

Both understand the same commands but for what `ContainerEngine` knows: how a registry without TLS is named (docker
takes loopback for granted), and that docker builds with BuildKit. In a small virtual machine podman's defaults may ask
for more than it may give (limits above its own, cgroups that `crun` refuses); then it is tried once more with a
configuration in the sandbox's home that asks for less, and kept if that works.
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
    """No engine works here; the sentence says why not."""


class EngineFailed(Exception):
    """A command of the engine failed; the sentence ends with what the engine said."""


@dataclass(frozen=True)
class ContainerEngine:
    """An engine that works: `name` is what it is called to people, `env` what it needs beside this process's own."""

    name: str
    path: str
    env: dict[str, str] = field(default_factory=dict)

    @property
    def without_tls(self) -> list[str]:
        """What `pull` and `push` need for the registry on loopback."""
        return [] if self.name == "docker" else ["--tls-verify=false"]

    @property
    def build(self) -> list[str]:
        """The subcommand that builds."""
        return ["buildx", "build"] if self.name == "docker" else ["build"]

    def argv(self, *arguments: str) -> list[str]:
        """A command line of this engine."""
        return [self.path, *arguments]

    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        return {**os.environ, **self.env}

    def attempt(self, arguments: list[str], seconds: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
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

    def do(self, *arguments: str) -> str:
        """Run a command and give back what it printed. Raises EngineFailed."""
        done = self.attempt(list(arguments))
        if done.returncode:
            raise EngineFailed(f"{self.name} {arguments[0]} failed: {last_line(done.stderr)}")
        return done.stdout.strip()

    def has_image(self, reference: str) -> bool:
        """Whether an image is in the engine's own store."""
        return self.attempt(["image", "inspect", reference]).returncode == 0


def last_line(text: str) -> str:
    """What a command said last, which is where its reason stands."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else "it gave no reason"


def find(home: Path) -> ContainerEngine:
    """The first engine that works. Raises NoEngineError with the reason for each that is there and does not."""
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
            reason = _broken(engine)
            if not reason:
                return engine
        reasons.append(f"{name} does not work here ({reason})")
    if not reasons:
        raise NoEngineError(f"neither {' nor '.join(ENGINES)} is installed")
    raise NoEngineError("; ".join(reasons))


def _candidates(name: str, path: str, home: Path) -> list[ContainerEngine]:
    if name == "docker" and _is_docker(path):
        return [ContainerEngine("docker", path, _as_the_clouds_build(path))]
    plain = ContainerEngine("podman", path)
    return [plain, ContainerEngine("podman", path, {"CONTAINERS_CONF": str(_modest(home))})]


def _is_docker(path: str) -> bool:
    """`docker` may be podman under another name (Debian's podman-docker)."""
    return "podman" not in ContainerEngine("docker", path).attempt(["--version"], _CHECK_SECONDS).stdout.lower()


def _as_the_clouds_build(path: str) -> dict[str, str]:
    """Builds told line by line, each giving one image without attestations, by the context's own builder.

    That one shares the machine's network and its images; one that a person made and selected does not.
    """
    context = ContainerEngine("docker", path).attempt(["context", "show"], _CHECK_SECONDS).stdout.strip() or "default"
    return {"BUILDKIT_PROGRESS": "plain", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_BUILDER": context}


def _broken(engine: ContainerEngine) -> str:
    try:
        if engine.name == "docker":
            daemon = engine.attempt(["version"], _CHECK_SECONDS)
            if daemon.returncode:
                return last_line(daemon.stderr)
            if engine.attempt(["buildx", "version"], _CHECK_SECONDS).returncode:
                return "it has no buildx, which its builds need"
        return trial.failure(engine)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)


def _modest(home: Path) -> Path:
    """A configuration of podman that asks for no more than this machine gives to any process."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    # Podman lowers its own limit of processes to the kernel's number of them, so a container cannot have more.
    most = Path("/proc/sys/kernel/pid_max")
    pids = int(most.read_text()) if most.exists() else processes
    wanted = {"nofile": files, "nproc": min(processes, pids) if processes > 0 else pids}
    limits = [f'"{name}={count}:{count}"' for name, count in wanted.items() if count > 0]
    lines = ["[containers]", f"default_ulimits = [{', '.join(limits)}]", "[engine]", 'cgroup_manager = "cgroupfs"']
    if shutil.which("runc", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"):
        lines.append('runtime = "runc"')
    path = home / "containers" / "containers.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, 'events_logger = "file"', ""]))
    return path
