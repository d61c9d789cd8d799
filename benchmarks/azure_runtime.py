"""Microsoft's Python worker, which speaks gRPC with the host of Azure Functions."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from benchmarks import azure_worker
from benchmarks.runtimes import PYTHON, SECONDS, Answer, Call, Failed, Function, Runtime


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
            message = self._received.get(timeout=SECONDS)
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
