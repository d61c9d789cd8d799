"""Runs the engine of a world with forked hosts, kills it, and reads what it did."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pnodes import engine
from pnodes.deployed import interrupted
from pnodes.deployed.interrupted import Unfinished
from pnodes.pulumi import Pulumi
from sandbox.steps import StepFault
from tests.e2e.world import World

_SECONDS, _PAUSE = 300, 0.01
_PROJECT = "prediction-nodes"


@dataclass
class Ended:
    """A finished command: exit code, output, and the events that --event-log recorded."""

    code: int
    text: str
    events: list[dict[str, Any]]

    def steps(self) -> dict[str, str]:
        """URN -> operation of the steps that were not `same`."""
        found: dict[str, str] = {}
        for event in self.events:
            step = (event.get("resourcePreEvent") or {}).get("metadata")
            if step and step["op"] not in ("same", "read", "refresh"):
                found[step["urn"]] = step["op"]
        return found


class Resident:
    """Runs the engine of a world with forked programs and dynamic providers."""

    def __init__(self, world: World) -> None:
        self.world = world

    def run(self, *arguments: str, faults: Sequence[StepFault] = (), kill: str = "") -> Ended:
        """Run a command; with `kill`, kill the "engine" or the "program" when a fault holds a step.

        The faults happen to the dynamic providers; order those of the clouds' providers with `order`.
        """
        events = self.world.home / "events.jsonl"
        events.unlink(missing_ok=True)
        cli = self.world.cli
        command = [str(cli.binary), *arguments, "--non-interactive", "--color", "never", "--event-log", str(events)]
        attached = self.world.hosts.attach(cli.folder, cli.env, _PROJECT, faults)
        with (self.world.home / "engine.log").open("w+") as output, attached as environ:
            process = subprocess.Popen(
                command, cwd=cli.folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                if kill:
                    self._kill(kill, process)
                process.wait(_SECONDS)
            finally:
                process.kill()
            output.seek(0)
            text = output.read()
        recorded = [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []
        return Ended(process.returncode, text, recorded)

    def repair(self) -> list[tuple[Unfinished, bool]]:
        """Do what `pnodes repair` does; returns the creations that it found, and which are recorded."""
        cli = self.world.cli
        with self.world.hosts.attach(cli.folder, cli.env, _PROJECT) as environ:
            pulumi = Pulumi(engine.ensure(print), cli.folder, environ)
            interrupted.mend_state(pulumi, None)
            interrupted.unlock(pulumi, None)
            return interrupted.adopt(pulumi, None)

    def _kill(self, kill: str, process: subprocess.Popen[bytes]) -> None:
        held = self.world.home / "held"
        while process.poll() is None and not held.exists():
            time.sleep(_PAUSE)
        if kill == "engine":
            process.kill()
            process.wait()
        else:
            self.world.hosts.kill_programs()
        held.unlink(missing_ok=True)

    def order(self, package: str, fault: StepFault) -> None:
        """Order a fault of a cloud's provider."""
        self.world.control.post(f"/steps/{package}", json=vars(fault)).raise_for_status()
