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
from typing import Any

from pnodes.engine.locate import Rejected, on_path
from pnodes.engine.version import MINIMUM
from pnodes.pulumi import NOT_LOGGED_IN, Pulumi, find_complaint, first_error, stack_option
from pnodes.wording import plural
from providers.findings import Finding, failed, ok, warning

_PROBE = "doctor-probe"


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


def examine(stack: OpenStack, pulumi: Pulumi | None, chosen: str | None) -> Iterator[Finding]:
    """The findings in order; what is learned of the stack goes into `stack`."""
    if pulumi is None:
        found = on_path()
        why = f"{found.path} is not used: {found.reason}" if isinstance(found, Rejected) else "there is none"
        yield failed("engine", f"a Pulumi engine {MINIMUM} or newer is needed; {why}.", "pnodes engine")
        return
    yield ok("engine", f"Pulumi {pulumi.engine.version}, {pulumi.engine.origin}.")
    said = pulumi.run("whoami", "--json")
    if said.returncode:
        known = find_complaint(said.stderr + said.stdout) or NOT_LOGGED_IN
        yield failed("backend", known.text, known.fix)
        return
    backend = json.loads(said.stdout).get("url") or "its backend"
    yield ok("backend", f"logged in to {_without_query(str(backend))}.")
    said = pulumi.run("stack", "--show-name", *stack_option(chosen))
    if said.returncode:
        yield _refused("stack", said, "the backend cannot be asked for the stack", "pulumi stack ls")
        return
    stack.name = said.stdout.strip()
    yield ok("stack", f"{stack.name} is {'there' if chosen else 'selected'}.")
    yield from _secrets(stack, pulumi, stack_option(chosen))


def _refused(check: str, said: subprocess.CompletedProcess[str], otherwise: str, mend: str) -> Finding:
    if known := find_complaint(said.stderr):
        return failed(check, known.text, known.fix)
    return failed(check, f"{otherwise}: {first_error(said.stderr)}", mend)


def _secrets(stack: OpenStack, pulumi: Pulumi, named: list[str]) -> Iterator[Finding]:
    asked = [
        pulumi.run("config", "--json", "--show-secrets", *named),
        pulumi.run("stack", "output", "--json", "--show-secrets", *named),
        _encrypts(stack.name, pulumi, named),
    ]
    wrong = next((each for each in asked if each.returncode), None)
    if wrong is not None:
        mend = "pulumi config --show-secrets  (says more)"
        yield _refused("secrets", wrong, "the stack's secrets cannot be opened", mend)
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
        yield ok("deployed", f"{plural(count, 'node is', 'nodes are')} deployed: {', '.join(stack.nodes)}.")
    else:
        yield warning("deployed", "no node is deployed yet.", "pulumi up")


def _is_key(name: str, project: str) -> bool:
    return name.startswith((f"{project}:numerai-public-id", f"{project}:numerai-secret"))


def _encrypts(name: str, pulumi: Pulumi, named: list[str]) -> subprocess.CompletedProcess[str]:
    """Encrypts a word into a copy of the stack's settings: the engine checks a passphrase only when there is work."""
    with tempfile.TemporaryDirectory() as scratch:
        own = f"Pulumi.{name.rsplit('/', 1)[-1]}.yaml"
        copy = Path(scratch, own)
        if (pulumi.folder / own).is_file():
            shutil.copyfile(pulumi.folder / own, copy)
        return pulumi.run("config", "set", "--secret", "--config-file", str(copy), _PROBE, *named, value="probe")


def _without_query(address: str) -> str:
    """Addresses of buckets may carry keys behind the question mark, and others before the at sign."""
    scheme, mark, rest = address.split("?", 1)[0].partition("://")
    return f"{scheme}{mark}{rest.rsplit('@', 1)[-1]}"
