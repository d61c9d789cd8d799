"""The deployed stack as the day-to-day commands need it: its nodes, their webhooks, its configuration with the keys.

Asked from the engine, which alone can open the stack's secrets; nothing of them is ever printed.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer

from pnodes import project
from pnodes.engine import Engine
from pnodes.errors import UserError
from providers.operations import NodeFacts

StackOption = Annotated[str | None, typer.Option("--stack", "-s", help="The stack; the selected one when left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
_COMMON = frozenset(
    {"cloud", "region", "size", "tournament", "model_id", "image", "job", "console", "account"},
)
# What `pulumi` says -> what to do. It says more, which is left out: settings and addresses may stand in it.
_MENDED = (
    ("no stack selected", "No stack is selected. Select one with `pulumi stack select NAME`, or name it by --stack."),
    ("no stack named", "There is no such stack. `pulumi stack ls` lists them."),
    (
        "passphrase must be set",
        "The stack's secrets are closed: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.",
    ),
    ("incorrect passphrase", "The passphrase in PULUMI_CONFIG_PASSPHRASE is not this stack's."),
    ("PULUMI_ACCESS_TOKEN must be set", "Pulumi is not logged in. Log in to where the stack is with `pulumi login`."),
)


@dataclass(frozen=True)
class StackNode:
    """One deployed node."""

    facts: NodeFacts
    tournament: str
    model_id: str
    account: str | None
    webhook: str = field(repr=False)
    size: str = ""
    console: str = ""

    @property
    def name(self) -> str:
        """Its name in nodes.yaml."""
        return self.facts.name


class Stack:
    """A stack's nodes and configuration."""

    def __init__(self, outputs: dict[str, Any], config: dict[str, Any], project_name: str) -> None:
        webhooks: dict[str, str] = outputs.get("webhooks") or {}
        found: dict[str, dict[str, Any]] = outputs.get("nodes") or {}
        self.nodes = {name: _node(name, facts, webhooks.get(name, "")) for name, facts in sorted(found.items())}
        self.settings: dict[str, dict[str, Any]] = outputs.get("settings") or {}
        self._config, self._project = config, project_name

    @classmethod
    def read(cls, stack: str | None) -> "Stack":
        """Ask the engine. Raises UserError."""
        folder = project.project_folder()
        chosen = ["--stack", stack] if stack else []
        with ThreadPoolExecutor(2) as both:
            outputs = both.submit(ask, ["stack", "output", "--json", "--show-secrets", *chosen])
            config = both.submit(ask, ["config", "--json", "--show-secrets", *chosen])
            found = cls(outputs.result(), config.result(), project.project_name(folder))
        if not found.nodes:
            raise UserError("The stack has no node yet. Describe one in nodes.yaml and make it with `pulumi up`.")
        return found

    def node(self, name: str) -> StackNode:
        """A node by its name. Raises UserError."""
        from nodefile.problems import did_you_mean

        if name not in self.nodes:
            known = ", ".join(self.nodes)
            raise UserError(
                f'The stack has no node "{name}".{did_you_mean(name, self.nodes)} It has: {known}. A node that is new '
                "in nodes.yaml is there after `pulumi up`.",
                2,
            )
        return self.nodes[name]

    def configured(self, key: str) -> str | None:
        """A setting by its full name (aws:region), as text."""
        value = (self._config.get(key) or {}).get("value")
        return None if value is None else str(value)

    def secrets(self) -> frozenset[str]:
        """All that must not be shown: the tokens of the webhooks, secret settings, keys of the environment."""
        from providers.numerai.keys import names

        webhooks = [node.webhook for node in self.nodes.values()]
        tokens = [token for webhook in webhooks for token in parse_qs(urlsplit(webhook).query).get("token", [])]
        settings = [str(each["value"]) for each in self._config.values() if each.get("secret") and "value" in each]
        called = [names(account) for account in {node.account for node in self.nodes.values()}]
        keys = [os.environ.get(each, "") for one in called for each in (one.public_id_variable, one.secret_variable)]
        return frozenset(filter(None, [*webhooks, *tokens, *settings, *keys]))

    def same_as(self, other: "Stack") -> bool:
        """Whether another reading found the same."""
        mine, its = (vars(each) for each in (self, other))
        return mine == its

    def numerai(self, account: str | None) -> Any:
        """A client with the keys of an account (None is the unnamed one). Raises NoKeys."""
        from providers.numerai.client import Client
        from providers.numerai.keys import keys

        return Client(keys(account, lambda setting: self.configured(f"{self._project}:{setting}")))


def _node(name: str, facts: dict[str, Any], webhook: str) -> StackNode:
    own = {key: str(value) for key, value in facts.items() if key not in _COMMON}
    return StackNode(
        NodeFacts(name, facts["cloud"], facts["region"], facts["job"], own),
        facts["tournament"],
        facts["model_id"],
        facts.get("account"),
        webhook,
        facts.get("size", ""),
        facts.get("console", ""),
    )


def engine() -> Engine:
    """The engine that is there. Raises UserError."""
    from pnodes.engine import find

    found = find()
    if found is None:
        raise UserError("There is no Pulumi engine on this machine yet. Install one with `pnodes engine`.")
    return found


def environment(found: Engine) -> dict[str, str]:
    """The environment of the engine's processes."""
    search = os.pathsep.join([str(found.bin), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": search}


def run(*arguments: str, value: str | None = None) -> "subprocess.CompletedProcess[str]":
    """A command of the engine that asks nobody anything; its output. Raises UserError where there is no engine.

    A secret goes in as `value`, on its standard input, where no other process can read it.
    """
    found = engine()
    return subprocess.run(
        [str(found.path), *arguments, "--non-interactive"],
        cwd=project.project_folder(),
        env=environment(found),
        input=value or "",
        capture_output=True,
        text=True,
        check=False,
    )


def ask(arguments: Sequence[str]) -> dict[str, Any]:
    """What a command of the engine prints as JSON. Raises UserError."""
    done = run(*arguments)
    if done.returncode == 0:
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        return answer
    raise failed(done, arguments[:2])


def failed(done: "subprocess.CompletedProcess[str]", command: Sequence[str]) -> UserError:
    """A command of the engine that did not work -> why, and what to do."""
    said = (done.stderr or done.stdout).strip()
    for words, sentence in _MENDED:
        if words in said:
            return UserError(sentence)
    lines = said.splitlines() or ["it does not say why"]
    first = next((line for line in lines if line.startswith("error:")), lines[-1])
    return UserError(f"`pulumi {' '.join(command)}` failed: {first.removeprefix('error: ')}")
