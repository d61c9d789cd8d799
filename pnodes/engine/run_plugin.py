"""Run a plugin that is written in Python, such as a policy pack: its folder's `__main__.py`, in its own environment.

The engine reads the plugin's output as it is printed; the first line is the port on which the plugin serves. The plugin
is stopped when the engine cancels its request.
"""

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pnodes.engine.program_python import NoInterpreter, activate, venv_path

_GRACE_SECONDS = 5
_FILES = {"analyzer": "PulumiPolicy.yaml"}
_READ = 65536
Output = tuple[str, bytes]


def interpreter(root: str, options: Mapping[str, Any], kind: str) -> Path:
    """Return the Python of a plugin's environment: the one its file names, by default `venv` in its folder."""
    venv = venv_path(root, options) or Path(root, "venv")
    executable = venv / "bin" / "python"
    if not executable.exists():
        raise NoInterpreter(
            f"{Path(root, _FILES.get(kind, 'PulumiPlugin.yaml'))} needs the virtual environment {venv}, but "
            f"{executable} does not exist. To create it, run `pulumi install` in {root}"
            + (", or `make policies` for this project's policies." if kind == "analyzer" else ".")
        )
    return executable


def environment(variables: Sequence[str], executable: Path) -> dict[str, str]:
    """Return this process's environment with the engine's variables (NAME=VALUE) and the plugin's Python."""
    own = dict(variable.split("=", 1) for variable in variables if "=" in variable)
    return activate(executable.parent.parent, {**os.environ, **own})


def run(
    command: Sequence[str], folder: str, variables: Mapping[str, str], at_end: Callable[[Callable[[], None]], Any]
) -> Iterator[Output | int]:
    """Yield the command's output as ("stdout" or "stderr", bytes), then its exit code.

    Calls `at_end` with a function that stops the command.
    """
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
