"""Runs the Pulumi command. All other modules run Pulumi through this one.

Pulumi's Automation API is not used: it loads the whole SDK first, captures output that the user should see, and offers
no way to interrupt the engine cleanly.
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
from providers.attached import explain_stopped

_CHANGES, _NO_STACK = 7, 6
_LOCKED = re.compile("the stack is currently locked by|Another update is currently in progress")


@dataclass(frozen=True)
class Complaint:
    """The reason why the engine refused a command, and the command that fixes it."""

    text: str
    fix: str


NOT_LOGGED_IN = Complaint("Pulumi is not logged in to a backend for its state.", "pulumi login")
_SET_PASSPHRASE = "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE as when the stack was created."  # noqa: S105 (a sentence)
_EXPORT = "export PULUMI_CONFIG_PASSPHRASE=..."
# The user sees only these messages: the rest of the engine's output may contain settings and addresses.
_COMPLAINTS = {
    "PULUMI_ACCESS_TOKEN must be set": NOT_LOGGED_IN,
    "(unable to|could not) open (bucket|state)": Complaint(
        "Pulumi cannot open the backend that stores its state.", "pulumi login URL"
    ),
    "no stack selected": Complaint(
        "no stack is selected; `pulumi stack init NAME` creates the first one.", "pulumi stack select NAME"
    ),
    "no stack named '(?P<name>[^']*)'": Complaint(
        'there is no stack "{name}"; `pulumi stack ls` lists the stacks.', "pulumi stack init {name}"
    ),
    "passphrase must be set": Complaint(
        f"the stack's secrets cannot be decrypted without its passphrase. {_SET_PASSPHRASE}", _EXPORT
    ),
    "incorrect passphrase": Complaint(
        f"the passphrase in the environment is not this stack's. {_SET_PASSPHRASE}", _EXPORT
    ),
}


def find_complaint(output: str) -> Complaint | None:
    """Return the first known complaint in the engine's output."""
    for pattern, complaint in _COMPLAINTS.items():
        if match := re.search(pattern, output):
            return Complaint(*(text.format(**match.groupdict()) for text in (complaint.text, complaint.fix)))
    return None


def first_error(output: str) -> str:
    """Return the line of the engine's output that gives the reason for a failure."""
    lines = output.strip().splitlines() or ["Pulumi gives no reason"]
    return next((line for line in lines if line.startswith("error:")), lines[-1]).removeprefix("error: ")


def stack_option(stack: str | None) -> list[str]:
    """Return the option that names a stack; no option for the selected stack."""
    return ["--stack", stack] if stack else []


def find_engine() -> Engine:
    """Return the engine on this machine. Raises UserError."""
    engine = find()
    if engine is None:
        raise UserError("There is no Pulumi engine on this machine yet. Install one with `pnodes engine`.")
    return engine


@dataclass(frozen=True)
class Logged:
    """A finished command: its exit code, its scrubbed output and the lines of its event log."""

    code: int
    text: str
    events: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether a command with `--expect-no-changes` found changes."""
        return self.code == _CHANGES or (self.code != 0 and "no changes were expected" in self.text)

    @property
    def locked(self) -> bool:
        """Whether another update of the stack was running."""
        return self.code != 0 and _LOCKED.search(self.text) is not None

    def failure(self, command: str) -> UserError:
        """Return the error for a failed command, whose output is already in the log."""
        hint = ""
        if self.code == _NO_STACK:
            hint = " Create the stack once, by hand: `pulumi stack init`."
        elif self.locked:
            hint = " Another update of the stack was running; try again when it has finished."
        return UserError(f"`pulumi {command}` failed with exit code {self.code}; see its output above.{hint}")


class Pulumi:
    """Runs the engine in a project folder with the given environment variables."""

    def __init__(self, engine: Engine, folder: Path, environ: Mapping[str, str]) -> None:
        self.engine, self.folder = engine, folder
        search = os.pathsep.join([str(engine.bin), environ.get("PATH", os.defpath)])
        self.environ = {**environ, "PATH": search}

    @classmethod
    def find(cls, folder: Path | None = None, environ: Mapping[str, str] | None = None) -> Pulumi:
        """Use the engine on this machine in `folder` (by default the project's). Raises UserError, also if providers
        that the environment attaches to the engine have stopped."""
        environ = os.environ if environ is None else environ
        check_providers(environ)
        return cls(find_engine(), folder or project.project_folder(), environ)

    def run(self, *arguments: str, value: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command without prompts and capture its output. A non-zero exit code raises no error.

        Pass a secret as `value`: it goes through standard input, where no other process can read it.
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
        """Run a command and return its output. Raises UserError."""
        process = self.run(*arguments, value=value)
        if process.returncode:
            raise _failure(arguments, process, value)
        return process.stdout

    def read_json(self, *arguments: str) -> Any:
        """Run a command and return its JSON output. Raises UserError."""
        return json.loads(self.read(*arguments) or "{}")

    def preview(self, stack: str | None = None) -> dict[str, Any]:
        """Return the document of `pulumi preview --json`. Raises UserError, also when the preview itself fails."""
        process = self.run("preview", "--json", *stack_option(stack))
        try:
            document: dict[str, Any] = json.loads(process.stdout)
        except ValueError:
            raise _failure(["preview"], process) from None
        diagnostics = document.get("diagnostics") or []
        errors = [message["message"].strip() for message in diagnostics if message["severity"] == "error"]
        if process.returncode or errors:
            reasons = "\n".join(errors or [process.stderr.strip()])
            raise UserError(f"the preview failed, so nothing was changed:\n{reasons}")
        return document

    def selected_stack(self) -> str | None:
        """Return the name of the selected stack."""
        process = self.run("stack", "--show-name")
        return process.stdout.strip() or None if process.returncode == 0 else None

    def show(self, *arguments: str, stdout: IO[str] | None = None) -> None:
        """Run a command in the user's terminal, or with its output sent to `stdout`. Raises UserError.

        Ctrl-C also reaches the engine; this method waits until the engine has shut down.
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
        """Run a command, print its output line by line without secrets, and return it with its event log."""
        with tempfile.TemporaryDirectory() as folder:
            events = Path(folder) / "events.jsonl"
            command = [str(self.engine.path), *arguments, "--non-interactive", "--color", "never"]
            command += ["--suppress-outputs", "--suppress-progress", "--event-log", str(events)]
            lines = []
            with subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.environ, "PULUMI_DEBUG_COMMANDS": "true"},  # required by --event-log
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


def check_providers(environ: Mapping[str, str]) -> None:
    """Raise UserError if providers that the environment attaches to the engine have stopped."""
    if sentence := explain_stopped(environ):
        raise UserError(sentence)


def _failure(arguments: Sequence[str], process: subprocess.CompletedProcess[str], value: str = "") -> UserError:
    output = process.stderr or process.stdout
    if complaint := find_complaint(output):
        return UserError(f"{complaint.text[0].upper()}{complaint.text[1:]} Run `{complaint.fix}`.")
    command = " ".join(takewhile(lambda word: not word.startswith("-"), arguments))
    reason = first_error(output)
    return UserError(f"`pulumi {command}` failed: {reason.replace(value, '***') if value else reason}")
