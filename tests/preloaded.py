"""Python processes that start at once: each is forked from one that has imported what all of them need.

A run has its own process, environment, folder and output, as one that `python -c` starts; only the modules are there
already. The imports take most of the time of a short program: half a second for `pnodes`, more than one for a model.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

# Runs in the process that is forked. After the loop, the child goes on with the code of its run, so that the
# interpreter ends it like any other: with its traceback, exit code and `atexit`.
_SERVER = """
import gc, importlib, json, os, sys
for module in json.loads(sys.argv[1]):
    importlib.import_module(module)
del module
gc.freeze()
for line in iter(sys.stdin.readline, ""):
    pid = os.fork()
    if not pid:
        break
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
else:
    os._exit(0)
order = json.loads(line)
os.setsid()
os.chdir(order["cwd"])
for place, name in enumerate((os.devnull, order["output"], order["errors"])):
    os.dup2(os.open(name, os.O_WRONLY | os.O_APPEND if place else os.O_RDONLY), place)
os.environ.clear()
os.environ.update(order["env"])
sys.argv = ["-c", *order["arguments"]]
exec(compile(order["code"], "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
"""


class Preloaded:
    """A process with imported modules, and runs of code that are forked from it."""

    def __init__(self, python: Path | str, modules: Iterable[str], env: Mapping[str, str]) -> None:
        """Start `python` with `env`, which decides where it finds the modules."""
        self._process = subprocess.Popen(
            [str(python), "-c", _SERVER, json.dumps(list(modules))],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # an answer must not wait in a buffer, where `poll` does not see it
        )

    def run(
        self, code: str, *arguments: str, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run code as `python -c CODE ARGUMENTS` does, and wait for its end."""
        assert self._process.stdin
        with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
            order = {"code": code, "arguments": arguments, "cwd": str(cwd), "env": dict(env)}
            order |= {"output": output.name, "errors": errors.name}
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            pid = self._read(60)
            try:
                status = self._read(timeout)
            except TimeoutError:
                os.killpg(pid, signal.SIGKILL)
                raise
            texts = [Path(file.name).read_text() for file in (output, errors)]
        return subprocess.CompletedProcess(["python", "-c", code, *arguments], status, *texts)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _read(self, timeout: float) -> int:
        assert self._process.stdout
        # Not `select.select`, which takes no file number above 1023: a worker of pytest may have so many.
        waiting = select.poll()
        waiting.register(self._process.stdout, select.POLLIN)
        if not waiting.poll(timeout * 1000):
            raise TimeoutError(f"no answer for {timeout:g} s")
        answer = self._process.stdout.readline()
        assert answer, "the process with the modules has ended"
        return int(answer)
