"""Check the Pulumi engine and the stack: installed, new enough, logged in, selected, whole, and with secrets to read.

Each step needs the previous one. The engine's output may contain settings and addresses, so only known errors and the
first line of others are shown.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pnodes.deployed.interrupted import find_unfinished
from pnodes.engine.locate import Rejected, on_path
from pnodes.engine.version import MINIMUM
from pnodes.pulumi import NOT_LOGGED_IN, Pulumi, find_complaint, first_error, stack_option
from pnodes.wording import plural
from providers.findings import Finding, failed, ok, warning

_PROBE = "doctor-probe"


@dataclass
class OpenStack:
    """Facts about the stack that the other checks need, filled in by `examine`; `opened`: its secrets are readable."""

    project: str
    name: str = ""
    opened: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def configured(self, key: str) -> str | None:
        """Return a setting by its full name (aws:region)."""
        value = (self.config.get(key) or {}).get("value")
        return None if value is None else str(value)

    def setting(self, name: str) -> str | None:
        """Return a setting of this project by its short name."""
        return self.configured(f"{self.project}:{name}")


def examine(stack: OpenStack, pulumi: Pulumi | None, chosen: str | None) -> Iterator[Finding]:
    """Yield the findings in order, and fill in `stack`."""
    if pulumi is None:
        candidate = on_path()
        why = "no engine is installed"
        if isinstance(candidate, Rejected):
            why = f"{candidate.path} is not used: {candidate.reason}"
        yield failed("engine", f"Pulumi {MINIMUM} or newer is needed; {why}.", "pnodes engine")
        return
    yield ok("engine", f"Pulumi {pulumi.engine.version}, {pulumi.engine.origin}.")
    result = pulumi.run("whoami", "--json")
    if result.returncode:
        problem = find_complaint(result.stderr + result.stdout) or NOT_LOGGED_IN
        yield failed("backend", problem.text, problem.fix)
        return
    backend = json.loads(result.stdout).get("url") or "its backend"
    yield ok("backend", f"logged in to {_without_query(str(backend))}.")
    commands = (("stack", "--show-name"), ("stack", "export"))
    with ThreadPoolExecutor(len(commands)) as pool:
        result, exported = pool.map(lambda command: pulumi.run(*command, *stack_option(chosen)), commands)
    if result.returncode:
        mend = "pnodes repair" if "failed to load checkpoint" in result.stderr else "pulumi stack ls"
        yield _report_failure("stack", result, "the backend could not look up the stack", mend)
        return
    stack.name = result.stdout.strip()
    yield ok("stack", f"{stack.name} {'exists' if chosen else 'is selected'}.")
    if exported.returncode:
        yield _report_failure("state", exported, "the stack's state cannot be read", "pnodes repair")
        return
    yield _check_state(json.loads(exported.stdout))
    yield from _check_secrets(stack, pulumi, stack_option(chosen))


def _report_failure(check: str, result: subprocess.CompletedProcess[str], otherwise: str, mend: str) -> Finding:
    if problem := find_complaint(result.stderr):
        return failed(check, problem.text, problem.fix)
    return failed(check, f"{otherwise}: {first_error(result.stderr)}", mend)


def _check_state(exported: Mapping[str, Any]) -> Finding:
    unfinished = list(find_unfinished(exported.get("deployment") or {}))
    if not unfinished:
        return ok("state", "no creation was interrupted.")
    count = plural(len(unfinished), "creation")
    text = f"an `up` was interrupted, and {count} may have taken place: {', '.join(map(str, unfinished))}."
    return failed("state", text, "pnodes repair  (unless an `up` is running now)")


def _check_secrets(stack: OpenStack, pulumi: Pulumi, selection: list[str]) -> Iterator[Finding]:
    with ThreadPoolExecutor(3) as pool:
        running = (
            pool.submit(pulumi.run, "config", "--json", "--show-secrets", *selection),
            pool.submit(pulumi.run, "stack", "output", "--json", "--show-secrets", *selection),
            pool.submit(_try_encrypting, stack.name, pulumi, selection),
        )
        config, outputs, _ = results = [future.result() for future in running]
    failure = next((result for result in results if result.returncode), None)
    if failure is not None:
        mend = "pulumi config --show-secrets  (shows the full error)"
        yield _report_failure("secrets", failure, "the stack's secrets cannot be decrypted", mend)
        return
    stack.config = json.loads(config.stdout or "{}")
    stack.nodes = json.loads(outputs.stdout or "{}").get("nodes") or {}
    stack.opened = True
    yield ok("secrets", "the stack's secrets can be read and written.")
    keys = (f"{stack.project}:numerai-public-id", f"{stack.project}:numerai-secret")
    plain = [name for name in stack.config if name.startswith(keys) and not stack.config[name].get("secret")]
    for name in sorted(plain):
        key = name.split(":", 1)[1]
        text = f"{key} is stored in the stack's settings as plain text, readable by everyone who can read the file."
        yield failed("secrets", text, f"pulumi config set --secret {key}  (and make a new key pair at numer.ai)")
    if stack.nodes:
        count = len(stack.nodes)
        yield ok("deployed", f"{plural(count, 'node is', 'nodes are')} deployed: {', '.join(stack.nodes)}.")
    else:
        yield warning("deployed", "no node is deployed yet.", "pulumi up")


def _try_encrypting(name: str, pulumi: Pulumi, selection: list[str]) -> subprocess.CompletedProcess[str]:
    """Encrypt a value into a copy of the stack's settings; the engine checks a passphrase only when it uses it."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = f"Pulumi.{name.rsplit('/', 1)[-1]}.yaml"
        copy = Path(scratch, settings)
        if (pulumi.folder / settings).is_file():
            shutil.copyfile(pulumi.folder / settings, copy)
        return pulumi.run("config", "set", "--secret", "--config-file", str(copy), _PROBE, *selection, value="probe")


def _without_query(address: str) -> str:
    """Return the address without its query and user, which may contain keys."""
    scheme, mark, rest = address.split("?", 1)[0].partition("://")
    return f"{scheme}{mark}{rest.rsplit('@', 1)[-1]}"
