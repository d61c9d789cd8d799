"""A Python interpreter that notes what each program used: put in place of a virtual environment in Pulumi.yaml.

The program is a grandchild of `pulumi`, and the engine passes neither its processor time nor its memory on. So the
engine starts this interpreter, which starts the real one, waits for it and writes a line.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

# -I and -S: nothing of the environment slows the start down or changes it.
_SCRIPT = """\
#!{python} -IS
import json, os, signal, sys
child = os.posix_spawn({python!r}, [{python!r}, *sys.argv[1:]], os.environ)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: os.kill(child, number))
_, status, used = os.wait4(child, 0)
line = {{"arguments": sys.argv[1:], "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}}
with open({log!r}, "a") as log:
    log.write(json.dumps(line) + "\\n")
sys.exit(os.waitstatus_to_exitcode(status) % 256)
"""
PEAK_UNITS = 2**20 if sys.platform == "darwin" else 2**10  # per MiB: macOS counts bytes, Linux KiB
# The scripts with which our own language host, and Pulumi's, run a program.
_RUNNERS = ("run_program.py", "pulumi-language-python-exec")


@dataclass(frozen=True)
class Usage:
    """Processor time (s) and peak memory (MiB) of a program."""

    cpu: float
    peak: float


class MeasuredPython:
    """The interpreter, in a folder of its own; `folder` is what Pulumi.yaml names as its virtual environment."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder, self._log = folder, folder / "programs.jsonl"
        executable = folder / "bin" / "python"
        executable.parent.mkdir(parents=True)
        executable.write_text(_SCRIPT.format(python=str(python), log=str(self._log)))
        executable.chmod(0o755)

    def take(self) -> Usage:
        """Return what the program used since the last call, without the processes of providers."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        (program,) = [line for line in lines if any(_is_runner(argument) for argument in line["arguments"])] or [None]
        # A destroy runs no program.
        return Usage(program["cpu"], program["peak"] / PEAK_UNITS) if program else Usage(0.0, 0.0)


def _is_runner(argument: str) -> bool:
    return Path(argument).name in _RUNNERS
