"""Runs the engine for a workflow: what it says is shown scrubbed, line by line, and its event log is kept.

The exit code of `--expect-no-changes` is its own (7), so that a drift is told from a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pnodes.ci import scrubbing
from pnodes.ci.github import Step
from pnodes.ci.scrubbing import Scrubber
from pnodes.engine import Engine, EngineError, find

CHANGES, NO_STACK = 7, 6
_UNEXPECTED = "no changes were expected"
_LOCKED = ("the stack is currently locked by", "Another update is currently in progress")


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code, what it said (scrubbed), the lines of its event log."""

    code: int
    text: str
    events: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether `--expect-no-changes` found some."""
        return self.code == CHANGES or (self.code != 0 and _UNEXPECTED in self.text)

    @property
    def locked(self) -> bool:
        """Whether another update of the stack was running."""
        return self.code != 0 and any(words in self.text for words in _LOCKED)


class Pulumi:
    """The engine in a project's folder, on the stack that PULUMI_STACK names."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        found = find()
        if found is None:
            raise EngineError("There is no Pulumi engine on this machine yet. Install one with `pnodes engine`.")
        self._engine: Engine = found
        self._folder = folder
        search = os.pathsep.join([str(found.bin), environ.get("PATH", os.defpath)])
        # The option --event-log is one of the engine's debug options.
        self._environ = {**environ, "PATH": search, "PULUMI_DEBUG_COMMANDS": "true"}

    def ask(self, *arguments: str) -> Any:
        """What a command prints as JSON; None when it fails, as all do before the stack is there."""
        done = subprocess.run(
            [str(self._engine.path), *arguments, "--non-interactive"],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout or "{}") if done.returncode == 0 else None

    def scrubber(self) -> Scrubber:
        """Knows the environment's credentials, and the stack's secrets as far as they can be opened."""
        config = self.ask("config", "--json", "--show-secrets") or {}
        outputs = self.ask("stack", "output", "--json", "--show-secrets") or {}
        return Scrubber(
            [
                *scrubbing.of_environment(self._environ),
                *scrubbing.of_configuration(config),
                *scrubbing.of_webhooks(outputs),
            ]
        )

    def run(self, step: Step, scrubber: Scrubber, *arguments: str) -> Done:
        """A command that people read in the workflow's log."""
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "events.jsonl"
            command = [str(self._engine.path), *arguments, "--non-interactive", "--color", "never"]
            command += ["--suppress-outputs", "--suppress-progress", "--event-log", str(log)]
            lines = []
            with (
                step.verbatim(),
                subprocess.Popen(
                    command,
                    cwd=self._folder,
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                ) as process,
            ):
                assert process.stdout is not None
                for line in process.stdout:
                    shown = scrubber.scrub(line.rstrip("\r\n"))
                    lines.append(shown)
                    print(shown, flush=True)
            events = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return Done(process.returncode, "\n".join(lines), tuple(events))
