"""Run the Pulumi command. Nothing else in the product does.

Pulumi's Automation API is not used: it loads the whole SDK first, captures what a person should watch, and cannot be
interrupted so that the engine ends tidily.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

from pnodes import project
from pnodes.engine import Engine, find
from pnodes.errors import UserError

_CHANGES, _NO_STACK = 7, 6
_LOCKED = re.compile("the stack is currently locked by|Another update is currently in progress")


@dataclass(frozen=True)
class Complaint:
    """Why the engine refused a command, and the command that mends it."""

    text: str
    mend: str


NOT_LOGGED_IN = Complaint("Pulumi is not logged in to a backend, where it keeps the state.", "pulumi login")
_SET_PASSPHRASE = "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, as when the stack was created."  # noqa: S105 (a sentence)
_EXPORT = "export PULUMI_CONFIG_PASSPHRASE=..."
# Only these known phrases are passed on: the rest of the engine's output may contain settings and addresses.
_COMPLAINTS = {
    "PULUMI_ACCESS_TOKEN must be set": NOT_LOGGED_IN,
    "(unable to|could not) open (bucket|state)": Complaint(
        "the place where Pulumi keeps its state cannot be opened.", "pulumi login URL"
    ),
    "no stack selected": Complaint(
        "no stack is selected; `pulumi stack init NAME` creates the first one.", "pulumi stack select NAME"
    ),
    "no stack named '(?P<name>[^']*)'": Complaint(
        'there is no such stack, "{name}"; `pulumi stack ls` lists them.', "pulumi stack init {name}"
    ),
    "passphrase must be set": Complaint(f"the stack's secrets are closed. {_SET_PASSPHRASE}", _EXPORT),
    "incorrect passphrase": Complaint(
        f"the passphrase in the environment is not this stack's. {_SET_PASSPHRASE}", _EXPORT
    ),
}


def complaint(printed: str) -> Complaint | None:
    """Find the first known complaint in what the engine printed."""
    for pattern, known in _COMPLAINTS.items():
        if match := re.search(pattern, printed):
            return Complaint(*(text.format(**match.groupdict()) for text in (known.text, known.mend)))
    return None


def first_error(printed: str) -> str:
    """The line of the engine's output that gives the reason."""
    lines = printed.strip().splitlines() or ["it gives no reason"]
    return next((line for line in lines if line.startswith("error:")), lines[-1]).removeprefix("error: ")


def on(stack: str | None) -> list[str]:
    """The option that names a stack; none for the selected one."""
    return ["--stack", stack] if stack else []


def find_engine() -> Engine:
    """Find the engine of this machine. Raises UserError."""
    engine = find()
    if engine is None:
        raise UserError("There is no Pulumi engine on this machine yet. Install one with `pnodes engine`.")
    return engine


@dataclass(frozen=True)
class Logged:
    """A command that has ended: its exit code, its scrubbed output, the lines of its event log."""

    code: int
    text: str
    events: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether `--expect-no-changes` found some."""
        return self.code == _CHANGES or (self.code != 0 and "no changes were expected" in self.text)

    @property
    def locked(self) -> bool:
        """Whether another update of the stack was running."""
        return self.code != 0 and _LOCKED.search(self.text) is not None

    def failure(self, command: str) -> UserError:
        """The sentence for a command that failed; its output is in the log above it."""
        hint = ""
        if self.code == _NO_STACK:
            hint = " Create the stack once, by hand: `pulumi stack init`."
        elif self.locked:
            hint = " Another update of the stack was running; try again when it has ended."
        return UserError(f"`pulumi {command}` ended with exit code {self.code}; see its output above.{hint}")


class Pulumi:
    """The engine, run in a project's folder with these environment variables."""

    def __init__(self, engine: Engine, folder: Path, environ: Mapping[str, str]) -> None:
        self.engine, self.folder = engine, folder
        search = os.pathsep.join([str(engine.bin), environ.get("PATH", os.defpath)])
        self.environ = {**environ, "PATH": search}

    @classmethod
    def find(cls, folder: Path | None = None, environ: Mapping[str, str] | None = None) -> Pulumi:
        """The engine of this machine in a folder (the project's if None). Raises UserError."""
        return cls(find_engine(), folder or project.project_folder(), os.environ if environ is None else environ)

    def run(self, *arguments: str, value: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command that asks nothing, and capture its output; a non-zero exit code is not an error here.

        A secret goes in as `value`, on standard input, where no other process can read it.
        """
        return subprocess.run(
            [str(self.engine.path), *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environ,
            input=value,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    def read(self, *arguments: str, value: str = "") -> str:
        """Run a command and return what it prints. Raises UserError."""
        done = self.run(*arguments, value=value)
        if done.returncode:
            raise _failure(arguments, done, value)
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """Run a command and return the JSON that it prints. Raises UserError."""
        return json.loads(self.read(*arguments) or "{}")

    def preview(self, stack: str | None = None) -> dict[str, Any]:
        """Return the document of `pulumi preview --json`. Raises UserError, also when the preview itself fails."""
        done = self.run("preview", "--json", *on(stack))
        try:
            document: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise _failure(["preview"], done) from None
        errors = [each["message"].strip() for each in document.get("diagnostics") or [] if each["severity"] == "error"]
        if done.returncode or errors:
            reasons = "\n".join(errors or [done.stderr.strip()])
            raise UserError(f"the preview failed, so nothing was changed:\n{reasons}")
        return document

    def selected(self) -> str | None:
        """The name of the selected stack."""
        done = self.run("stack", "--show-name")
        return done.stdout.strip() or None if done.returncode == 0 else None

    def show(self, *arguments: str, stdout: IO[str] | None = None) -> None:
        """Run a command in the user's terminal, or with its output sent elsewhere. Raises UserError.

        Ctrl-C reaches the engine as well, which is given the time to end tidily.
        """
        command = [str(self.engine.path), *arguments]
        with subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=stdout) as process:
            while process.returncode is None:
                try:
                    process.wait()
                except KeyboardInterrupt:
                    continue
        if process.returncode:
            raise Logged(process.returncode, "", ()).failure(arguments[0])

    def log(self, *arguments: str, scrub: Callable[[str], str]) -> Logged:
        """Run a command, print its output line by line without secrets, and keep its event log."""
        with tempfile.TemporaryDirectory() as folder:
            events = Path(folder) / "events.jsonl"
            command = [str(self.engine.path), *arguments, "--non-interactive", "--color", "never"]
            command += ["--suppress-outputs", "--suppress-progress", "--event-log", str(events)]
            lines = []
            with subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.environ, "PULUMI_DEBUG_COMMANDS": "true"},  # which the option --event-log needs
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    lines.append(scrub(line.rstrip("\r\n")))
                    print(lines[-1], flush=True)
            logged = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
        return Logged(process.returncode, "\n".join(lines), tuple(logged))


def _failure(arguments: Sequence[str], done: subprocess.CompletedProcess[str], value: str = "") -> UserError:
    printed = done.stderr or done.stdout
    if known := complaint(printed):
        return UserError(f"{known.text[0].upper()}{known.text[1:]} Run `{known.mend}`.")
    command = " ".join(takewhile(lambda word: not word.startswith("-"), arguments))
    reason = first_error(printed)
    return UserError(f"`pulumi {command}` failed: {reason.replace(value, '***') if value else reason}")
