"""The command line, and a daemon that stands in for the sandbox's."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.cli import process as sandbox_process
from tests.pnodes_command import pnodes

__all__ = ["pnodes"]

DAEMON = """
import http.server, json, os, pathlib, signal, sys

home = pathlib.Path(sys.argv[1])
print("the daemon speaks", flush=True)
{before}
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
facts = {{
    "pid": os.getpid(),
    "control": f"http://127.0.0.1:{{server.server_port}}",
    "gateway": "127.0.0.1:1234",
    "plugins": {{"aws": 1, "gcp": 2, "azure-native": 3}},
    "ca": str(home / "ca.pem"),
    "numerai": {{"public_id": "PUBLIC", "secret_key": "it's secret"}},
}}
(home / "daemon.new").write_text(json.dumps(facts))
(home / "daemon.new").rename(home / "daemon.json")
server.serve_forever()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the sandbox's home to a folder that does not exist yet."""
    monkeypatch.setenv("PNODES_SANDBOX_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def daemon_code(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that sets what the stand-in daemon does before it is ready; stop the daemon at the end."""

    def use(before: str) -> None:
        code = DAEMON.format(before=before)
        command = [sys.executable, "-c", code, str(home)]
        monkeypatch.setattr(sandbox_process, "build_command", lambda _home, _executor: command)

    use("")
    yield use
    sandbox_process.stop(home, timeout=0)
