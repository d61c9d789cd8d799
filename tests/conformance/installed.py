"""Where `make conformance` puts the implementations of the clouds' storage, and the processes that run them.

With PNODES_REQUIRE_CONFORMANCE=1, as on the machine that checks each change, a missing one is a failure.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from pnodes.engine.paths import ROOT
from tests.waiting import wait_until

FOLDER = ROOT / ".tools" / "conformance"
MOTO = FOLDER / "moto" / "bin" / "moto_server"
AZURITE = FOLDER / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
AZURE_LIBRARY = FOLDER / "azure-library"
FAKE_GCS_SERVER = FOLDER / "fake-gcs-server"


def require(*files: Path) -> None:
    """Skip the test if a file is missing; fail where conformance is required."""
    missing = [str(file.relative_to(ROOT)) for file in files if not file.exists()]
    if missing:
        cannot(f"{', '.join(missing)} is missing")


def cannot(reason: str) -> NoReturn:
    """Skip and say what to do, or fail where conformance is required."""
    if os.environ.get("PNODES_REQUIRE_CONFORMANCE") == "1":
        pytest.fail(f"other implementations are required here, but {reason}", pytrace=False)
    pytest.skip(f"{reason}: `make conformance` installs it")


def find_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def find_node() -> str:
    """Return the program that runs Azurite."""
    return shutil.which("node") or cannot("node is not on PATH")


@contextmanager
def run(command: list[str], port: int, folder: Path, environ: dict[str, str] | None = None) -> Iterator[None]:
    """Run a server until the end of the block; it starts when the server listens."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environ or {})}, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: _listens(port) or process.poll() is not None, log.read_text)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
