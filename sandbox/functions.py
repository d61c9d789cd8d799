"""Deployed functions: each archive is unpacked into its own folder and runs in its own process under its cloud's host.

The process gets the deployed environment, the variables of the sandbox's network, and the few variables that a program
needs to start. The first request starts it (a cold start). It keeps running until its code or environment changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.network import Network
from sandbox.store import Store

_START_SECONDS = 30.0


class FunctionFailed(Exception):
    """The function's process did not start or did not answer; the message ends with its last log lines."""


@dataclass
class _Deployed:
    root: Path
    argv: list[str]
    env: dict[str, str]
    lock: threading.Lock = field(default_factory=threading.Lock)
    process: subprocess.Popen[bytes] | None = None
    port: int = 0


class Functions:
    """All functions of the sandbox, by key (for example "aws/alpha-trigger")."""

    def __init__(self, home: Path, store: Store, network: Network) -> None:
        self._home, self._store, self._network = home / "functions", store, network
        self._lock = threading.Lock()
        self._deployed: dict[str, _Deployed] = {}
        for key, doc in store.all("functions").items():
            self._deployed[key] = _Deployed(Path(doc["root"]), doc["argv"], doc["env"])

    def deploy(self, key: str, files: Mapping[str, bytes], argv: list[str], env: Mapping[str, str]) -> None:
        """Deploy code and environment. `argv` may use {root} and {port}; the host listens on 127.0.0.1:{port}."""
        self.remove(key)
        root = self._home / hashlib.sha256(key.encode()).hexdigest()[:16]
        for name, data in files.items():
            path = (root / "code" / name).resolve()
            if not path.is_relative_to((root / "code").resolve()):
                raise FunctionFailed(f"the archive of {key} has a file outside the archive's folder: {name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (root / "code").mkdir(parents=True, exist_ok=True)
        self._store.put("functions", key, {"root": str(root), "argv": argv, "env": dict(env)})
        with self._lock:
            self._deployed[key] = _Deployed(root, list(argv), dict(env))

    def names(self) -> list[str]:
        """Return the sorted keys of the deployed functions."""
        with self._lock:
            return sorted(self._deployed)

    def request(
        self,
        key: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float = 30,
        logged: bool = True,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request to a function; return (status, headers, body). Raises FunctionFailed or KeyError.

        Without `logged`, what the function prints is lost.
        """
        with self._lock:
            deployed = self._deployed[key]
        port = self._ensure_running(key, deployed)
        log = deployed.root / "log"
        size = log.stat().st_size
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        skipped = {"host", "connection", "content-length", "transfer-encoding"}
        try:
            forwarded = {name: value for name, value in headers.items() if name.lower() not in skipped}
            connection.request(method, path, body, {**forwarded, "Content-Length": str(len(body))})
            response = connection.getresponse()
            answer = response.status, dict(response.getheaders()), response.read()
            if not logged:
                os.truncate(log, size)
            self._mark_log(deployed)
            return answer
        except (OSError, http.client.HTTPException) as error:
            raise FunctionFailed(f"{key} did not answer: {error!r}\n{self.logs(key)[-2000:]}") from error
        finally:
            connection.close()

    def _ensure_running(self, key: str, deployed: _Deployed) -> int:
        with deployed.lock:
            if deployed.process is None or deployed.process.poll() is not None:
                self._start(key, deployed)
            return deployed.port

    def _start(self, key: str, deployed: _Deployed) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            deployed.port = probe.getsockname()[1]
        code = deployed.root / "code"
        argv = [part.format(root=code, port=deployed.port) for part in deployed.argv]
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        env |= self._network.environment(key) | deployed.env
        with (deployed.root / "log").open("ab") as log:
            deployed.process = subprocess.Popen(
                argv, cwd=code, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if deployed.process.poll() is not None or time.monotonic() > deadline:
                _stop(deployed)
                raise FunctionFailed(f"{key} did not start; its last log lines:\n{self.logs(key)[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", deployed.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)

    def remove(self, key: str) -> None:
        """Stop a function and delete its code; do nothing if it is not deployed."""
        with self._lock:
            deployed = self._deployed.pop(key, None)
        if deployed is not None:
            _stop(deployed)
            shutil.rmtree(deployed.root / "code", ignore_errors=True)
            self._store.delete("functions", key)

    def logs(self, key: str) -> str:
        """Return the output of a function's process."""
        with self._lock:
            deployed = self._deployed.get(key)
        path = deployed.root / "log" if deployed else None
        return path.read_text(errors="replace") if path and path.exists() else ""

    def timed_log(self, key: str) -> list[tuple[float, str]]:
        """Return (time, line) for each log line: the end of the request that printed it, or now if that still runs."""
        with self._lock:
            deployed = self._deployed.get(key)
        if deployed is None or not (deployed.root / "log").exists():
            return []
        data, marks = (deployed.root / "log").read_bytes(), deployed.root / "log.marks"
        timed: list[tuple[float, str]] = []
        begin = 0
        for mark in marks.read_text().splitlines() if marks.exists() else []:
            end, moment = mark.split()
            timed += [(float(moment), line) for line in data[begin : int(end)].decode(errors="replace").splitlines()]
            begin = max(begin, int(end))
        return timed + [(time.time(), line) for line in data[begin:].decode(errors="replace").splitlines()]

    def _mark_log(self, deployed: _Deployed) -> None:
        """Record the log's current size with the current time."""
        with deployed.lock, (deployed.root / "log.marks").open("a") as marks:
            marks.write(f"{(deployed.root / 'log').stat().st_size} {time.time()}\n")

    def log_lines(self, key: str) -> list[dict[str, object]]:
        """Return the lines of a function's log that are JSON objects, parsed."""
        lines: list[dict[str, object]] = []
        for line in self.logs(key).splitlines():
            # Not all lines in braces are JSON: a traceback can quote an answer.
            with contextlib.suppress(ValueError):
                lines += [json.loads(line)] if line.startswith("{") else []
        return lines

    def stop(self) -> None:
        """Stop all processes, and keep the code deployed: the next request starts them again."""
        with self._lock:
            for deployed in self._deployed.values():
                _stop(deployed)


def _stop(deployed: _Deployed) -> None:
    process, deployed.process = deployed.process, None
    if process is None or process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=3)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
