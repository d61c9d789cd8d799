"""Whether an engine really works, found out by making it work: build, and run with limits, the smallest program.

The program is made here (a static x86-64 executable of some 150 bytes that prints `ok`), so that the trial needs no
base image, no registry and no compiler, and shows at the same time that images for linux/amd64 run on this machine.
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
    """An executable that writes `text` to its standard output and exits with 0."""
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
    """Why this engine does not work, in its own words; empty when it does."""
    image = f"localhost/prediction-nodes/trial:{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        hello = Path(folder, "hello")
        hello.write_bytes(program(b"ok\n"))
        hello.chmod(0o755)
        Path(folder, "Dockerfile").write_text(_DOCKERFILE)
        try:
            # Without the cache: to look through it fails where another process removes an image at that moment.
            options = ["--no-cache", "--platform", "linux/amd64"]
            reason = _attempt(engine, ["build", *options, "--tag", image, folder], None)
            if not reason:
                limits = ["--memory", "64m", "--memory-swap", "64m", "--cpus", "0.5", "--network", "host"]
                reason = _attempt(engine, ["run", "--rm", *limits, "--log-driver", "none", image], "ok")
        finally:
            engine.attempt(["image", "rm", "--force", image], _SECONDS)
    return reason


def _attempt(engine: ContainerEngine, arguments: list[str], wanted: str | None) -> str:
    try:
        done = engine.attempt(arguments, _SECONDS)
    except subprocess.TimeoutExpired:
        return f"`{engine.name} {arguments[0]}` did not end within {_SECONDS:.0f} s"
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return f"`{engine.name} {arguments[0]}` says: {lines[-1].strip()}"
    if wanted is not None and done.stdout.strip() != wanted:
        return f"`{engine.name} {arguments[0]}` printed {done.stdout.strip()!r} instead of {wanted!r}"
    return ""
