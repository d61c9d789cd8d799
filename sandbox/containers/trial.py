"""Tests whether a container engine works by building an image of a tiny program and running it with limits.

The module generates the program, a static x86-64 executable of about 150 bytes that prints `ok`. The trial therefore
needs no base image, registry or compiler, and also proves that images for linux/amd64 run on this machine.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.containers.engine import ContainerEngine

_SECONDS = 60.0
_ADDRESS = 0x400000
_DOCKERFILE = 'FROM scratch\nCOPY hello /hello\nCMD ["/hello"]\n'


def program(text: bytes) -> bytes:
    """Return an executable that writes `text` to its standard output and exits with 0."""
    headers, code_size = 64 + 56, 34
    code = b"\xb8\x01\x00\x00\x00\xbf\x01\x00\x00\x00"  # write(1,
    code += b"\xbe" + struct.pack("<I", _ADDRESS + headers + code_size)  # text,
    code += b"\xba" + struct.pack("<I", len(text)) + b"\x0f\x05"  # its length)
    code += b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"  # exit(0)
    code = code.ljust(code_size, b"\x90")
    size = headers + len(code) + len(text)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _ADDRESS + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x1000)
    return head + segment + code + text


def failure(engine: ContainerEngine) -> str:
    """Return why this engine does not work, in its own words, or an empty string if it works."""
    image = f"localhost/prediction-nodes/trial:{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        hello = Path(folder, "hello")
        hello.write_bytes(program(b"ok\n"))
        hello.chmod(0o755)
        Path(folder, "Dockerfile").write_text(_DOCKERFILE)
        try:
            # Without the cache, because searching it fails if another process removes an image meanwhile.
            options = ["--no-cache", "--platform", "linux/amd64"]
            reason = _attempt(engine, ["build", *options, "--tag", image, folder], None)
            if not reason:
                limits = ["--memory", "64m", "--memory-swap", "64m", "--cpus", "0.5", "--network", "host"]
                reason = _attempt(engine, ["run", "--rm", *limits, "--log-driver", "none", image], "ok")
        finally:
            engine.attempt(["image", "rm", "--force", image], _SECONDS)
    return reason


def _attempt(engine: ContainerEngine, arguments: list[str], expected: str | None) -> str:
    try:
        process = engine.attempt(arguments, _SECONDS)
    except subprocess.TimeoutExpired:
        return f"`{engine.name} {arguments[0]}` did not finish within {_SECONDS:.0f} s"
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        return f"`{engine.name} {arguments[0]}` failed: {lines[-1].strip()}"
    if expected is not None and process.stdout.strip() != expected:
        return f"`{engine.name} {arguments[0]}` printed {process.stdout.strip()!r} instead of {expected!r}"
    return ""
