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
from collections.abc import Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import psutil
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from benchmarks import azure_worker
from benchmarks.stand_in import QuietServer
from pnodes.engine.paths import ROOT

PYTHON = ROOT / ".tools" / "bench-runtimes" / "bin" / "python"
_SECONDS = 60


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
        answer = self._answers.get(timeout=_SECONDS)
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
        deadline = str(round((time.time() + _SECONDS) * 1000))
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
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        deadline = time.monotonic() + _SECONDS
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


class AzureWorker(Runtime):
    """Microsoft's Python worker, which calls the host of Azure Functions by gRPC and then obeys its messages."""

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        self._message = _load_protocol()
        self._sent: queue.Queue[Any] = queue.Queue()
        self._received: queue.Queue[Any] = queue.Queue()
        self._ids: dict[str, str] = {}
        stream = grpc.stream_stream_rpc_method_handler(
            self._exchange, self._message.FromString, self._message.SerializeToString
        )
        service = grpc.method_handlers_generic_handler("AzureFunctionsRpcMessages.FunctionRpc", {"EventStream": stream})
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
        self._server.add_generic_rpc_handlers((service,))
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def __exit__(self, *_: object) -> None:
        self._sent.put(None)
        super().__exit__()
        self._server.stop(None)

    def _write_command(self) -> list[str]:
        options = [f"--port={self._port}", "--host=127.0.0.1", "--workerId=worker", "--requestId=request"]
        return [str(PYTHON), str(azure_worker.FOLDER / "worker.py"), *options, "--grpcMaxMessageLength=2147483647"]

    def _write_variables(self) -> dict[str, str]:
        return {
            "WEBSITE_INSTANCE_ID": "instance",
            "AzureWebJobsScriptRoot": str(self._function.folder),
            "FUNCTIONS_WORKER_RUNTIME": "python",
        }

    def _send(self, call: Call) -> Answer:
        if not self._ids:
            self._load()
        url = f"https://trigger.azurewebsites.net{call.path}"
        headers = {"content-type": "application/json"}
        request = {"method": call.method, "url": url, "headers": headers, "body": {"string": call.body}}
        invocation = {
            "invocationId": "1",
            "functionId": self._ids[self._function.entry],
            "inputData": [{"name": "req", "data": {"http": request}}],
        }
        answer = self._ask({"invocationRequest": invocation}, "invocation_response")
        http = answer.return_value.http
        return Answer(int(http.status_code or 500), http.body.string or http.body.bytes.decode())

    def _load(self) -> None:
        """Answer the worker's first message and let it load the function, as the host does."""
        self._wait("start_stream")
        place = {"functionAppDirectory": str(self._function.folder)}
        self._ask({"workerInitRequest": {"hostVersion": "4.1000.0", **place}}, "worker_init_response")
        functions = self._ask({"functionsMetadataRequest": place}, "function_metadata_response")
        for function in functions.function_metadata_results:
            metadata = json_format.MessageToDict(function)
            request = {"functionId": function.function_id, "metadata": metadata}
            self._ask({"functionLoadRequest": request}, "function_load_response")
            self._ids[function.name] = function.function_id

    def _ask(self, content: dict[str, Any], kind: str) -> Any:
        self._sent.put(json_format.ParseDict({"requestId": "request", **content}, self._message()))
        answer = self._wait(kind)
        if answer.result.status != 1:
            raise Failed(f"{kind}: {answer.result}\n{self._read_log()}")
        return answer

    def _wait(self, kind: str) -> Any:
        while True:
            message = self._received.get(timeout=_SECONDS)
            if message.WhichOneof("content") == kind:  # between the answers come log lines
                return getattr(message, kind)

    def _exchange(self, incoming: Iterator[Any], _context: Any) -> Iterator[Any]:
        def receive() -> None:
            with contextlib.suppress(Exception):  # the stream breaks when the process is ended
                for message in incoming:
                    self._received.put(message)

        threading.Thread(target=receive, daemon=True).start()
        while (message := self._sent.get()) is not None:
            yield message


def _load_protocol() -> Any:
    """Return the class of the protocol's messages."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(azure_worker.DESCRIPTORS.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("AzureFunctionsRpcMessages.StreamingMessage"))
