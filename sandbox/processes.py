"""Runs jobs as processes: an image's command with the cloud's environment, in a copy of the image's files.

The copy is deleted when the run ends. The executor measures the memory of the whole process tree several times a
second. CPU limits and isolation of the file system need a container engine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO

import psutil

from sandbox import reasons
from sandbox.executor import CannotStartError, Job, RunSpec
from sandbox.images import Image, Images
from sandbox.network import Network


class ProcessRunner:
    """Starts jobs as processes of this machine."""

    def __init__(self, home: Path, images: Images, network: Network) -> None:
        self._home, self._images, self._network = home / "runs", images, network

    def start(self, spec: RunSpec, log: IO[bytes]) -> Job:
        """Copy the image's files and start its command."""
        repository, _, digest = spec.image.partition("@")
        image = self._images.get(repository, digest)
        if image is None:
            raise CannotStartError(reasons.NO_IMAGE, f"there is no image {spec.image}")
        root = self._home / f"{spec.run_id}.files"
        try:
            shutil.copytree(image.root, root, symlinks=True)
            return _ProcessJob(self._start_process(spec, image, root, log), root)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise

    def _start_process(self, spec: RunSpec, image: Image, root: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        entrypoint = spec.command if spec.command is not None else image.entrypoint
        arguments = spec.args if spec.args is not None else [] if spec.command is not None else image.command
        argv = [_resolve_in_image(word, root) for word in [*entrypoint, *arguments]]
        path = f"{image.environment / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        env = {"PATH": path, "HOME": str(root), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "TMPDIR": str(root)}
        env |= self._network.environment(f"job/{spec.run_id}") | image.env | spec.env | {"PATH": path}
        executable = shutil.which(argv[0], path=path) or argv[0]
        return subprocess.Popen(
            argv,
            executable=executable,
            cwd=root / image.workdir.lstrip("/"),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


class _ProcessJob:
    def __init__(self, process: subprocess.Popen[bytes], root: Path) -> None:
        self._process, self._root = process, root

    def wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def memory_mib(self) -> int:
        total = 0
        try:
            parent = psutil.Process(self._process.pid)
            for process in [parent, *parent.children(recursive=True)]:
                total += process.memory_info().rss
        except psutil.Error:
            pass
        return total // 2**20

    def failure_reason(self) -> str:
        return ""

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def remove(self) -> None:
        if self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._root, ignore_errors=True)


def _resolve_in_image(word: str, root: Path) -> str:
    path = root / word.lstrip("/")
    return str(path) if word.startswith("/") and path.exists() else word
