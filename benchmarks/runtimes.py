"""The clouds' own runtime clients, each driven by the protocol that its cloud speaks with it.

A runtime runs a function in a process. The first `call` begins with the start of that process.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.stand_in import QuietServer
from pnodes.engine.paths import ROOT

PYTHON = ROOT / ".tools" / "bench-runtimes" / "bin" / "python"
SECONDS = 60


class Failed(Exception):
    """A runtime did not answer, or answered with an error; the text ends with what its process printed."""


@dataclass(frozen=True)
class Function:
    """A deployed function: the folder of its code, the name by which its runtime calls it, and its variables."""

    folder: Path
    entry: str
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """A call of a function's URL, by default of its webhook."""

    path: str
    body: str
    method: str = "POST"


class Answer(NamedTuple):
    """Status and body of the answer to a call."""

    status: int
    body: str


@dataclass(frozen=True)
class Cost:
    """Time and processor time of a call, in seconds."""

    seconds: float
    cpu: float


class Runtime(ABC):
    """A function in its runtime. `with` ends its process."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._log = function.folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def measure(self, call: Call, expected: int) -> Cost:
        """Make a call, after starting the process if there is none. Raises Failed if the status is another one."""
        cpu = read_cpu(self._process.pid) if self._process else 0.0
        began = time.perf_counter()
        answer = self.ask(call)
        seconds = time.perf_counter() - began
        if answer.status != expected:
            raise Failed(f"the answer has status {answer.status}:\n{self._read_log()}")
        assert self._process is not None
        return Cost(seconds, read_cpu(self._process.pid) - cpu)

    def ask(self, call: Call) -> Answer:
        """Make a call, after starting the process if there is none."""
        self._process = self._process or self._start()
        try:
            return self._send(call)
        except (queue.Empty, OSError, http.client.HTTPException) as error:
            raise Failed(f"no answer ({error!r}):\n{self._read_log()}") from error

    def _start(self) -> subprocess.Popen[bytes]:
        # A cloud's folder with a function's code is read-only, so its modules are compiled at each start.
        environ = {"PATH": f"{PYTHON.parent}:{os.defpath}", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        with self._log.open("wb") as log:
            return subprocess.Popen(
                self._write_command(),
                cwd=self._function.folder,
                env={**environ, **self._function.environ, **self._write_variables()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _read_log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-4000:]

    @abstractmethod
    def _write_command(self) -> list[str]:
        """Return the command that starts the process."""

    @abstractmethod
    def _write_variables(self) -> dict[str, str]:
        """Return the variables that the cloud sets."""

    @abstractmethod
    def _send(self, call: Call) -> Answer:
        """Make a call, as soon as the process is ready, and return the answer."""


def read_cpu(pid: int) -> float:
    """Return the processor seconds of a process and its children."""
    process = psutil.Process(pid)
    return sum(_read_own_cpu(process) for process in [process, *process.children(recursive=True)])


def _read_own_cpu(process: psutil.Process) -> float:
    if sys.platform == "linux":
        # The number of the clock that clock_getcpuclockid(3) returns. /proc counts in hundredths of a second only.
        return time.clock_gettime((~process.pid << 3) | 2)
    times = process.cpu_times()
    return float(times.user + times.system)


class Lambda(Runtime):
    """awslambdaric, which fetches events from Lambda's runtime API."""

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        self._events: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._server = _RuntimeApi(("127.0.0.1", 0), _RuntimeApiHandler)
        self._server.events, self._server.answers = self._events, self._answers
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._server.shutdown()
        self._server.server_close()

    def _write_command(self) -> list[str]:
        return [str(PYTHON), "-m", "awslambdaric", self._function.entry]

    def _write_variables(self) -> dict[str, str]:
        return {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "trigger",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "LAMBDA_TASK_ROOT": str(self._function.folder),
            "_HANDLER": self._function.entry,
        }

    def _send(self, call: Call) -> Answer:
        path, _, query = call.path.partition("?")
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"content-type": "application/json"},
            "requestContext": {"http": {"method": call.method, "path": path}},
            "body": call.body,
            "isBase64Encoded": False,
        }
        self._events.put(json.dumps(event).encode())
        answer = self._answers.get(timeout=SECONDS)
        return Answer(int(answer.get("statusCode", 500)), str(answer.get("body", "")))


class _RuntimeApi(QuietServer):
    events: queue.Queue[bytes]
    answers: queue.Queue[dict[str, Any]]


class _RuntimeApiHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _RuntimeApi

    def do_GET(self) -> None:
        """Wait for the next event."""
        deadline = str(round((time.time() + SECONDS) * 1000))
        arn = "arn:aws:lambda:us-east-1:1:function:trigger"
        headers = {"Aws-Request-Id": "1", "Deadline-Ms": deadline, "Invoked-Function-Arn": arn}
        self._reply(200, self.server.events.get(), headers)

    def do_POST(self) -> None:
        """Take the answer to an event, or an error."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.answers.put(json.loads(body) if self.path.endswith("/response") else {})
        self._reply(202, b"", {})

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        # Without a content type, awslambdaric 4.2 crashes.
        lines = [f"HTTP/1.1 {status} Answer", "content-type: application/json", f"content-length: {len(body)}"]
        lines += [f"Lambda-Runtime-{name}: {value}" for name, value in headers.items()]
        with contextlib.suppress(OSError):  # a process that was ended does not read
            self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class FunctionsFramework(Runtime):
    """Google's functions-framework, which serves HTTP."""

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]

    def _write_command(self) -> list[str]:
        return [str(PYTHON.with_name("functions-framework")), "--host=127.0.0.1"]

    def _write_variables(self) -> dict[str, str]:
        return {"FUNCTION_TARGET": self._function.entry, "K_SERVICE": "trigger", "PORT": str(self._port)}

    def _send(self, call: Call) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
        with contextlib.closing(connection):
            connection.request(call.method, call.path, call.body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())
