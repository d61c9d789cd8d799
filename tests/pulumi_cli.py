"""The real engine as tests use it: the CLI in a folder of its own, answers as dictionaries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pnodes import engine
from pnodes.pulumi import Pulumi
from pnodes.urn import split_urn
from tests.forking.hosts import ForkingHosts

# The commands that run the program or its providers.
_ATTACHED = ("preview", "up", "refresh", "destroy")


class EngineFailed(Exception):
    """A command of the engine exited with an error; the text is all it printed."""


class Started:
    """A command that runs, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, enough: Callable[[str], bool], seconds: float) -> str:
        """What was printed once that is `enough`. Raises EngineFailed if the command ends, or takes longer."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or enough("".join(self._lines)), seconds)
            said = "".join(self._lines)
        if not enough(said):
            raise EngineFailed(said)
        return said

    def ended(self, seconds: float) -> str:
        """All that was printed, once the command has ended."""
        self.process.wait(seconds)
        self._reader.join(seconds)
        return "".join(self._lines)

    def _read(self) -> None:
        for line in self.process.stdout or ():
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class PulumiCli:
    """Runs `pulumi` in `folder` with its own backend and these variables."""

    def __init__(self, folder: Path, env: Mapping[str, str], hosts: ForkingHosts | None = None) -> None:
        """With `hosts`, commands that run the program attach to them, if it is that of this checkout."""
        self._hosts = hosts
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        self._state = folder / ".state"
        self._state.mkdir(parents=True, exist_ok=True)
        home = folder.with_name(f"{folder.name}-pulumi-home")
        home.mkdir(exist_ok=True)
        # A file where its logs would be: the engine then writes none, which saves a tenth of its processor time.
        (home / "logs").touch()
        environ = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PULUMI_BACKEND_URL": f"file://{self._state}",
            # Else it is the home that the system's list of users names, whatever HOME says.
            "PULUMI_HOME": str(home),
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # Garbage takes a quarter of the processor time of a short command, and the memory that this costs is small.
            "GOGC": "400",
            **env,
        }
        self._pulumi = Pulumi(_find_engine(), folder, environ)
        self.binary, self.env = self._pulumi.engine.path, self._pulumi.environ

    @property
    def folder(self) -> Path:
        """The folder in which the engine runs, which a test may change."""
        return self._pulumi.folder

    @folder.setter
    def folder(self, folder: Path) -> None:
        self._pulumi.folder = folder

    def run(self, *arguments: str, stdin: str = "") -> str:
        """One command; returns what it printed. Raises EngineFailed."""
        if self._hosts is None or arguments[0] not in _ATTACHED or not self._has_this_program():
            return _read(self._pulumi.run(*arguments, "--color", "never", value=stdin))
        printed = self._hosts.log.stat().st_size if self._hosts.log.exists() else 0
        project = str(yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"])
        with self._hosts.attach(self.folder, self.env, project) as environ:
            # No test kills these commands, so their state is written once, and not after each step, which takes the
            # engine half of its processor time.
            environ |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
            attached = Pulumi(self._pulumi.engine, self.folder, environ)
            done = attached.run(*arguments, "--color", "never", value=stdin)
        # What the programs print is not part of a document.
        if "--json" not in arguments and self._hosts.log.exists():
            done.stdout += self._hosts.log.read_bytes()[printed:].decode(errors="replace")
        return _read(done)

    def _has_this_program(self) -> bool:
        """Return whether the project uses the tests' Python environment, and not packages of its own."""
        settings = self.folder / "Pulumi.yaml"
        uses = settings.is_file() and f"virtualenv: {sys.prefix}" in settings.read_text()
        return uses and not (self.folder / "providers").exists()

    @contextmanager
    def started(self, *arguments: str) -> Iterator[Started]:
        """A command that goes on while the test does something else; killed at the end if it still runs."""
        with subprocess.Popen(
            [str(self.binary), *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield Started(process)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def preview(self) -> dict[str, int]:
        """Operation -> number of resources."""
        return dict(json.loads(self.run("preview", "--json"))["changeSummary"])

    def steps(self) -> dict[str, str]:
        """Type::name -> operation of a preview, for what would change."""
        steps = json.loads(self.run("preview", "--json"))["steps"]
        return {"::".join(split_urn(step["urn"])[1:]): step["op"] for step in steps if step["op"] != "same"}

    def up(self) -> dict[str, int]:
        """Operation -> number of resources of an update."""
        self.run("up", "--yes", "--skip-preview")
        return self._last()

    def refresh(self) -> dict[str, int]:
        """Operation -> number of resources of a refresh."""
        self.run("refresh", "--yes", "--skip-preview")
        return self._last()

    def destroy(self) -> None:
        """Remove everything."""
        self.run("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets shown."""
        return dict(json.loads(self.run("stack", "output", "--json", "--show-secrets")))

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the stack's state (secrets encrypted)."""
        deployment = json.loads(self.run("stack", "export"))["deployment"]
        return list(deployment.get("resources") or [])

    def _last(self) -> dict[str, int]:
        # As `pulumi stack history` reads it, without starting the engine once more.
        histories = (self._state / ".pulumi" / "history").glob("*/*/*.history.json")
        newest = max(histories, key=lambda path: int(path.name.rsplit("-", 1)[1].partition(".")[0]))
        return dict(json.loads(newest.read_text())["resourceChanges"])


@cache
def _find_engine() -> engine.Engine:
    return engine.ensure(print)


def _read(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        raise EngineFailed(done.stdout + done.stderr)
    return done.stdout
