"""A stand-in for the services that a trigger calls: it answers each call at once, with the same words every time.

What is measured is then the trigger's own time: neither the network nor a cloud. Clients reach it as their proxy, under
the clouds' real host names and with TLS.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi

from sandbox.authority import Authority
from sandbox.network import Network
from trigger.table import Row

BUCKET, REGION = "benchmark", "us-east-1"
AZURE_JOB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/jobs/job"
_S3 = (
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents><Key>table/{key}</Key>'
    "<LastModified>2026-11-01T12:00:00.000Z</LastModified></Contents></ListBucketResult>"
)
_BLOBS = (
    '<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Containers><Container><Name>claims-{row.node}</Name>'
    "<Properties><Last-Modified>Sun, 01 Nov 2026 12:00:00 GMT</Last-Modified></Properties><Metadata>"
    "<node>{row.node}</node><model_id>{row.model_id}</model_id><token_sha256>{row.token_sha256}</token_sha256>"
    "<job>{row.job}</job></Metadata></Container></Containers><NextMarker/></EnumerationResults>"
)
_TOKEN = {"access_token": "token", "expires_in": 3600, "expires_on": "4102444800"}
_CONTAINER = {"name": "job", "image": "image", "resources": {"cpu": 1, "memory": "2Gi"}, "env": []}


@dataclass(frozen=True)
class Answer:
    """The answer to the calls with this method and host whose path and query begin with `path`."""

    method: str
    host: str
    path: str
    status: int
    body: str


def write_answers(row: Row) -> list[Answer]:
    """Return the answers of all clouds' services. `row` is the only one of the table."""
    s3, batch = f"{BUCKET}.s3.{REGION}.amazonaws.com", f"batch.{REGION}.amazonaws.com"
    google, azure = "storage.googleapis.com", f"{BUCKET}.blob.core.windows.net"
    objects = {"items": [{"name": f"table/{row.write_key()}", "updated": "2026-11-01T12:00:00Z"}]}
    job = {"properties": {"template": {"containers": [_CONTAINER]}}}
    started = {"jobId": "1", "jobName": "job", "jobArn": "arn:aws:batch:us-east-1:1:job/1"}
    return [
        Answer("GET", s3, "/?list-type=2&prefix=table", 200, _S3.format(key=row.write_key())),
        Answer("PUT", s3, "/claims/", 200, ""),
        Answer("POST", batch, "/v1/submitjob", 200, json.dumps(started)),
        Answer("GET", "metadata.google.internal", "/computeMetadata/v1/", 200, json.dumps(_TOKEN)),
        Answer("GET", google, f"/storage/v1/b/{BUCKET}/o?prefix=table", 200, json.dumps(objects)),
        Answer("POST", google, f"/upload/storage/v1/b/{BUCKET}/o?", 200, "{}"),
        Answer("POST", "run.googleapis.com", "/v2/", 200, json.dumps({"name": "operation"})),
        Answer("GET", "127.0.0.1", "/identity?", 200, json.dumps(_TOKEN)),
        Answer("GET", azure, "/?comp=list&include=metadata", 200, _BLOBS.format(row=row)),
        Answer("PUT", azure, "/claims-", 201, ""),
        Answer("GET", "management.azure.com", f"{AZURE_JOB}?", 200, json.dumps(job)),
        Answer("POST", "management.azure.com", f"{AZURE_JOB}/start?", 200, json.dumps({"id": "execution"})),
    ]


class QuietServer(ThreadingHTTPServer):
    """An HTTP server that does not report broken connections, since the benchmark ends its clients in the middle."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report other errors only."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Server(QuietServer):
    authority: Authority
    answers: list[Answer]
    unexpected: list[str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_CONNECT(self) -> None:
        """Become the host that the client asks for; its next request comes over TLS."""
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = self.server.authority.context(self.path.rpartition(":")[0])
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def _answer(self) -> None:
        host = self.headers["host"].partition(":")[0]
        url = urlsplit(self.path)
        path = f"{url.path}?{url.query}" if url.query else url.path
        self.rfile.read(int(self.headers.get("content-length") or 0))
        for answer in self.server.answers:
            if (answer.method, answer.host) == (self.command, host) and path.startswith(answer.path):
                self._send(answer.status, answer.body.encode())
                return
        self.server.unexpected.append(f"{self.command} {host}{path}")
        self._send(404, b"")

    def _send(self, status: int, body: bytes) -> None:
        # In one piece, so that no client waits for a second packet.
        self.wfile.write(f"HTTP/1.1 {status} Answer\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the base class calls these names

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@dataclass(frozen=True)
class StandIn:
    """A stand-in that listens: the variables of its clients, its port, and the calls for which it has no answer."""

    environ: Mapping[str, str]
    port: int
    unexpected: list[str]


@contextmanager
def open_stand_in(folder: Path, row: Row) -> Iterator[StandIn]:
    """Start a stand-in whose table has this row."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.authority, server.answers, server.unexpected = Authority(folder), write_answers(row), []
    # In a cloud, a client reads all public authorities when it starts.
    bundle = folder / "bundle.pem"
    bundle.write_bytes(server.authority.ca_file.read_bytes() + Path(certifi.where()).read_bytes())
    port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        network = Network(port, bundle)
        yield StandIn(network.environment("trigger"), port, server.unexpected)
    finally:
        server.shutdown()
        server.server_close()
