"""Runs jobs in containers: pulled by digest, with only the cloud's environment, under limits that the engine enforces.

A container has the machine's network, where the sandbox's gateway answers on loopback, and a read-only file with the
trusted certificate authorities; it sees no other file of this machine. The engine gets the environment's values in a
file that only this user can read and that is deleted once the container exists, never on a command line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

from sandbox import reasons
from sandbox.containers.engine import ContainerEngine, EngineFailed, last_line
from sandbox.containers.images import ContainerImages
from sandbox.executor import CannotStartError, Job, RunSpec
from sandbox.network import Network

_LABEL = "prediction-nodes.sandbox"
_CA = "/etc/prediction-nodes-ca.pem"
_KILL_SECONDS = 15.0
_KILLED = 128 + signal.SIGKILL
_GROUPS = Path("/sys/fs/cgroup")


class ContainerRunner:
    """Starts jobs as containers of an engine."""

    def __init__(self, engine: ContainerEngine, home: Path, images: ContainerImages, network: Network) -> None:
        self._engine, self._home, self._images, self._network = engine, home, images, network
        self._clean()

    def start(self, spec: RunSpec, log: IO[bytes]) -> Job:
        """Pull the image, create the container and start it."""
        repository, _, digest = spec.image.partition("@")
        image = self._images.get(repository, digest)
        if image is None:
            raise CannotStartError(reasons.NO_IMAGE, f"there is no image {spec.image}")
        try:
            self._engine.execute("pull", "--quiet", *self._engine.without_tls, image.reference)
        except EngineFailed as error:
            raise CannotStartError(reasons.NO_IMAGE, str(error)) from error
        container = self._create(spec, image.reference)
        # The output goes through this process, because a log kept by the engine would outlive the run's record.
        attached = subprocess.Popen(
            self._engine.argv("start", "--attach", "--sig-proxy=false", container),
            cwd=self._home,  # podman writes a file `oom` into its working directory
            env=self._engine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        return _ContainerJob(self._engine, container, attached, spec)

    def _create(self, spec: RunSpec, image: str) -> str:
        bundle = self._network.ca_file
        inside = Network(self._network.gateway_port, Path(_CA))
        env = inside.environment(f"job/{spec.run_id}") | spec.env
        limits = [
            f"--memory={spec.memory_mib}m",
            f"--memory-swap={spec.memory_mib}m",
            f"--cpus={min(spec.cpu, float(os.cpu_count() or 1)):g}",
        ]
        options = [
            *limits,
            f"--label={_LABEL}={self._home}",
            f"--label=prediction-nodes.run={spec.run_id}",
            "--network=host",
            "--log-driver=none",
            "--security-opt=label=disable",
            *([f"--volume={bundle}:{_CA}:ro"] if bundle.exists() else []),
        ]
        # As in Docker and on the clouds, an empty list does not override anything.
        entrypoint, arguments = spec.command or [], spec.args or []
        if entrypoint:
            options.append(f"--entrypoint={entrypoint[0]}")
        with tempfile.TemporaryDirectory(prefix="env-") as scratch:
            # Each line of the file is one variable. Values of several lines are passed by name in the environment.
            long = {name: value for name, value in env.items() if "\n" in value or "\r" in value}
            file = Path(scratch, "env")
            file.touch(0o600)
            file.write_text("".join(f"{name}={value}\n" for name, value in env.items() if name not in long))
            options += [f"--env-file={file}", *(f"--env={name}" for name in long)]
            argv = self._engine.argv("create", *options, image, *entrypoint[1:], *arguments)
            process = subprocess.run(
                argv,
                env={**self._engine.environment(), **long},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        if process.returncode:
            raise CannotStartError(reasons.NO_START, last_line(process.stderr))
        return last_line(process.stdout)

    def _clean(self) -> None:
        """Remove containers of this sandbox that a killed daemon left behind."""
        leftover = self._engine.attempt(["ps", "--all", "--quiet", f"--filter=label={_LABEL}={self._home}"])
        for container in leftover.stdout.split():
            self._engine.attempt(["rm", "--force", "--volumes", container])


class _ContainerJob:
    def __init__(
        self, engine: ContainerEngine, container: str, attached: subprocess.Popen[bytes], spec: RunSpec
    ) -> None:
        self._engine, self._container, self._attached, self._spec = engine, container, attached, spec
        self._group: Path | None = None
        self._peak = 0
        self._pid = 0

    def wait(self, seconds: float) -> int | None:
        try:
            return self._attached.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def memory_mib(self) -> int:
        if self._group is None:
            self._pid = self._pid or int(self._state().get("Pid") or 0)
            # Until the engine has moved the process into the container's own group, its group contains other processes.
            group = _memory_group(self._pid)
            self._group = group if group is not None and self._container in str(group) else None
        used = _used_mib(self._group) if self._group is not None else 0
        self._peak = max(self._peak, used)
        # The engine enforces the limit, so never report more than the limit.
        return min(used, self._spec.memory_mib)

    def failure_reason(self) -> str:
        state = self._state()
        # Not every engine records it (podman with cgroups v1 does not). But if the sandbox did not kill a container's
        # first process, the kernel did, and it does so only for memory.
        if state.get("OOMKilled") or self._attached.poll() == _KILLED:
            return reasons.describe_out_of_memory(max(self._peak, self._spec.memory_mib), self._spec)
        if state.get("Status") in ("created", "initialized"):
            detail = "the engine could not start the command; see the log"
            return reasons.describe_no_start(self._spec, reasons.NO_START, detail)
        return ""

    def kill(self) -> None:
        self._engine.attempt(["kill", "--signal=KILL", self._container])
        try:
            self._attached.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._engine.attempt(["rm", "--force", "--volumes", self._container])
            self._attached.kill()
            self._attached.wait()

    def remove(self) -> None:
        self._engine.attempt(["rm", "--force", "--volumes", self._container])
        if self._attached.poll() is None:
            self._attached.kill()
            self._attached.wait()

    def _state(self) -> dict[str, Any]:
        shown = self._engine.attempt(["inspect", "--format={{json .State}}", self._container])
        state: dict[str, Any] = json.loads(shown.stdout) if shown.returncode == 0 else {}
        return state


def _memory_group(pid: int) -> Path | None:
    """Return the folder of the control group (v1 or v2) that counts a process's memory, or None if not visible."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines() if pid else []
    except OSError:
        return None
    for line in sorted(lines, reverse=True):
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _GROUPS / "memory" / path.lstrip("/")
        if not controllers and (_GROUPS / "cgroup.controllers").exists():
            return _GROUPS / path.lstrip("/")
    return None


def _used_mib(group: Path) -> int:
    """Return the memory of the group's processes in MiB, without the kernel's file cache."""
    try:
        lines = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split() for line in lines if len(line.split()) == 2)
    return int(values.get("total_rss") or values.get("anon") or 0) // 2**20
