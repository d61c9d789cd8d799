"""Runs a plugin that is written in Python, such as a policy pack: its folder's `__main__.py`, in its own environment.

The engine asks for this with the folder's options and reads what the plugin prints as it comes: its first line is the
port on which it serves. The plugin ends with the engine's request, which the engine takes back when it is done with it.
"""

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pnodes.engine.program_python import NoInterpreter, venv_path

_GRACE_SECONDS = 5
_FILES = {"analyzer": "PulumiPolicy.yaml"}
_READ = 65536
Output = tuple[str, bytes]


def interpreter(root: str, options: Mapping[str, Any], kind: str) -> Path:
    """The Python of a plugin's own environment, which is `venv` beside it when its file names none."""
    venv = venv_path(root, options) or Path(root, "venv")
    executable = venv / "bin" / "python"
    if not executable.exists():
        raise NoInterpreter(
            f"{Path(root, _FILES.get(kind, 'PulumiPlugin.yaml'))} needs the virtual environment {venv}, but "
            f"{executable} does not exist. Make it: run `pulumi install` in {root}"
            + (", or `make policies` for the policies of this project." if kind == "analyzer" else ".")
        )
    return executable


def environment(variables: Sequence[str], executable: Path) -> dict[str, str]:
    """This process's environment, with the variables (NAME=VALUE) that the engine gives, and the plugin's Python."""
    given = {**os.environ, **dict(each.split("=", 1) for each in variables if "=" in each)}
    given.pop("PYTHONHOME", None)
    folder = executable.parent
    return {
        **given,
        "VIRTUAL_ENV": str(folder.parent),
        "PATH": f"{folder}{os.pathsep}{given.get('PATH', os.defpath)}",
    }


def run(
    command: Sequence[str], folder: str, variables: Mapping[str, str], at_end: Callable[[Callable[[], None]], Any]
) -> Iterator[Output | int]:
    """What the command prints, as ("stdout" or "stderr", bytes), then its exit code. `at_end` is told how to end it."""
    with subprocess.Popen(
        list(command),
        cwd=folder or None,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as child:
        at_end(lambda: _end(child))
        printed: queue.Queue[Output | None] = queue.Queue()
        assert child.stdout is not None
        assert child.stderr is not None
        streams = {"stdout": child.stdout, "stderr": child.stderr}
        for name, stream in streams.items():
            threading.Thread(target=_read, args=(name, stream, printed), daemon=True).start()
        for _ in streams:
            while (piece := printed.get()) is not None:
                yield piece
        yield child.wait()


def _read(name: str, stream: IO[bytes], printed: "queue.Queue[Output | None]") -> None:
    while piece := stream.read(_READ):
        printed.put((name, piece))
    printed.put(None)


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
