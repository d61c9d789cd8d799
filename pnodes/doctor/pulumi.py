"""The Pulumi engine and the stack: there, new enough, logged in, selected, and able to open its secrets.

Each step needs the one before. What the engine itself says is only read for the words it is known to say: it may name
settings and addresses.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pnodes.engine import Engine
from pnodes.engine.locate import Rejected, on_path
from pnodes.engine.version import MINIMUM
from providers.findings import Finding, failed, ok, warning

_WHICH = "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, as when the stack was made."
_PROBE = "doctor-probe"


class Run(Protocol):
    """A command of the engine that asks nobody anything; `value` goes to its standard input."""

    def __call__(self, *arguments: str, value: str | None = None) -> subprocess.CompletedProcess[str]: ...


@dataclass
class OpenStack:
    """What the other checks need of the stack; filled while it is looked at. `opened` when its secrets can be read."""

    project: str
    name: str = ""
    opened: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def configured(self, key: str) -> str | None:
        """A setting by its full name (aws:region), as text."""
        value = (self.config.get(key) or {}).get("value")
        return None if value is None else str(value)

    def setting(self, name: str) -> str | None:
        """A setting of the project's own."""
        return self.configured(f"{self.project}:{name}")


def examine(stack: OpenStack, engine: Engine | None, run: Run, folder: Path, chosen: str | None) -> Iterator[Finding]:
    """The findings in order; what is learned of the stack goes into `stack`."""
    if engine is None:
        found = on_path()
        why = f"{found.path} is not used: {found.reason}" if isinstance(found, Rejected) else "there is none"
        yield failed("engine", f"a Pulumi engine {MINIMUM} or newer is needed; {why}.", "pnodes engine")
        return
    yield ok("engine", f"Pulumi {engine.version}, {engine.origin}.")
    said = run("whoami", "--json")
    if said.returncode:
        yield _not_logged_in(said)
        return
    backend = json.loads(said.stdout).get("url") or "its backend"
    yield ok("backend", f"logged in to {_without_query(str(backend))}.")
    named = ["--stack", chosen] if chosen else []
    said = run("stack", "--show-name", *named)
    if said.returncode:
        yield _no_stack(said, chosen)
        return
    stack.name = said.stdout.strip()
    yield ok("stack", f"{stack.name} is {'there' if chosen else 'selected'}.")
    yield from _secrets(stack, run, folder, named)


def _not_logged_in(said: subprocess.CompletedProcess[str]) -> Finding:
    words = said.stderr + said.stdout
    if "unable to open" in words or "could not open" in words:
        return failed("backend", "the place where Pulumi keeps its state cannot be opened.", "pulumi login URL")
    return failed("backend", "Pulumi is not logged in to a backend, where it keeps the state.", "pulumi login")


def _no_stack(said: subprocess.CompletedProcess[str], chosen: str | None) -> Finding:
    if chosen and "no stack named" in said.stderr:
        return failed(
            "stack", f'there is no stack "{chosen}"; `pulumi stack ls` lists them.', f"pulumi stack init {chosen}"
        )
    if "no stack selected" in said.stderr:
        mend = "pulumi stack select NAME, or pulumi stack init NAME for the first one"
        return failed("stack", "no stack is selected.", mend)
    return failed("stack", f"the backend could not be asked for the stack: {_last_line(said)}", "pulumi stack ls")


def _secrets(stack: OpenStack, run: Run, folder: Path, named: list[str]) -> Iterator[Finding]:
    asked = [
        run("config", "--json", "--show-secrets", *named),
        run("stack", "output", "--json", "--show-secrets", *named),
        _encrypts(stack.name, run, folder, named),
    ]
    wrong = next((each for each in asked if each.returncode), None)
    if wrong is not None:
        yield _closed(wrong)
        return
    stack.config = json.loads(asked[0].stdout or "{}")
    stack.nodes = json.loads(asked[1].stdout or "{}").get("nodes") or {}
    stack.opened = True
    yield ok("secrets", "the stack's secrets can be read and written.")
    bare = [name for name in stack.config if _is_key(name, stack.project) and not stack.config[name].get("secret")]
    for name in sorted(bare):
        own = name.split(":", 1)[1]
        text = f"{own} lies in the stack's settings as plain text, for everybody who sees the file."
        yield failed("secrets", text, f"pulumi config set --secret {own}  (and make a new key pair at numer.ai)")
    if stack.nodes:
        count = len(stack.nodes)
        yield ok("deployed", f"{count} {'node is' if count == 1 else 'nodes are'} deployed: {', '.join(stack.nodes)}.")
    else:
        yield warning("deployed", "no node is deployed yet.", "pulumi up")


def _is_key(name: str, project: str) -> bool:
    return name.startswith((f"{project}:numerai-public-id", f"{project}:numerai-secret"))


def _encrypts(name: str, run: Run, folder: Path, named: list[str]) -> subprocess.CompletedProcess[str]:
    """Encrypts a word into a copy of the stack's settings: the engine checks a passphrase only when there is work."""
    with tempfile.TemporaryDirectory() as scratch:
        own = f"Pulumi.{name.rsplit('/', 1)[-1]}.yaml"
        copy = Path(scratch, own)
        if (folder / own).is_file():
            shutil.copyfile(folder / own, copy)
        return run("config", "set", "--secret", "--config-file", str(copy), _PROBE, *named, value="probe")


def _closed(said: subprocess.CompletedProcess[str]) -> Finding:
    if "passphrase must be set" in said.stderr:
        return failed("secrets", f"the stack's secrets are closed. {_WHICH}", "export PULUMI_CONFIG_PASSPHRASE=...")
    if "incorrect passphrase" in said.stderr:
        text = f"the passphrase in the environment is not this stack's. {_WHICH}"
        return failed("secrets", text, "export PULUMI_CONFIG_PASSPHRASE=...")
    text = f"the stack's secrets cannot be opened: {_last_line(said)}"
    return failed("secrets", text, "pulumi config --show-secrets  (says more)")


def _last_line(said: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in said.stderr.splitlines() if line.startswith("error:")]
    return lines[0].removeprefix("error: ") if lines else f"exit code {said.returncode}."


def _without_query(address: str) -> str:
    """Addresses of buckets may carry keys behind the question mark, and others before the at sign."""
    scheme, mark, rest = address.split("?", 1)[0].partition("://")
    return f"{scheme}{mark}{rest.rsplit('@', 1)[-1]}"
