"""Each deployed archive runs in its own process, with only the deployed environment."""

from __future__ import annotations

import json
import sys

import pytest

from sandbox.cloud import Kernel
from sandbox.functions import FunctionFailed

HOST = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = json.dumps({"path": self.path, "body": body, "header": self.headers.get("X-A"), "pid": os.getpid(),
                             "env": sorted(os.environ), "version": VERSION}).encode()
        print(json.dumps({"line": body}), flush=True)
        self.send_response(202); self.send_header("Content-Length", str(len(answer))); self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
ARGV = [sys.executable, "{root}/host.py", "{port}"]


def deploy(kernel: Kernel, version: int = 1, host: str = HOST) -> None:
    code = {"host.py": f"VERSION = {version}\n{host}".encode()}
    kernel.functions.deploy("aws/alpha", code, ARGV, {"NODE_NAME": "alpha"})


def call(kernel: Kernel, body: str = "hello") -> dict[str, object]:
    status, _, answer = kernel.functions.request("aws/alpha", "POST", "/pred/x?token=y", {"X-A": "b"}, body.encode())
    assert status == 202
    facts: dict[str, object] = json.loads(answer)
    return facts


def test_a_request_reaches_the_process_as_it_came(kernel: Kernel) -> None:
    deploy(kernel)
    answer = call(kernel)
    assert (answer["path"], answer["body"], answer["header"]) == ("/pred/x?token=y", "hello", "b")
    assert kernel.functions.log_lines("aws/alpha") == [{"line": "hello"}]


def test_lines_in_braces_that_are_no_json_are_left_out(kernel: Kernel) -> None:
    deploy(kernel, host=HOST.replace("print(json.dumps", """print("{'error': 403}"); print(json.dumps"""))
    call(kernel)
    assert kernel.functions.log_lines("aws/alpha") == [{"line": "hello"}]


def test_the_process_has_the_deployed_environment_only(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "1")
    deploy(kernel)
    names = call(kernel)["env"]
    assert isinstance(names, list)
    assert "NODE_NAME" in names
    assert "HTTPS_PROXY" in names
    assert "OF_THIS_MACHINE" not in names


def test_it_stays_warm_until_it_is_deployed_again(kernel: Kernel) -> None:
    deploy(kernel)
    first, second = call(kernel), call(kernel)
    deploy(kernel, version=2)
    third = call(kernel)
    assert first["pid"] == second["pid"] != third["pid"]
    assert (first["version"], third["version"]) == (1, 2)


def test_the_error_of_a_process_that_does_not_start_contains_its_log(kernel: Kernel) -> None:
    deploy(kernel, host="raise SystemExit('broken at start')")
    with pytest.raises(FunctionFailed, match="broken at start"):
        call(kernel)


def test_a_removed_function_is_gone(kernel: Kernel) -> None:
    deploy(kernel)
    call(kernel)
    kernel.functions.remove("aws/alpha")
    with pytest.raises(KeyError):
        call(kernel)


def test_an_archive_cannot_write_outside_of_its_folder(kernel: Kernel) -> None:
    with pytest.raises(FunctionFailed, match="outside the archive's folder"):
        kernel.functions.deploy("aws/alpha", {"../../up.py": b""}, ARGV, {})
