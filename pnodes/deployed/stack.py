"""The deployed stack for the commands that operate it: its nodes, their webhooks and its configuration with the keys.

The engine supplies all of it, since only the engine can decrypt the stack's secrets. They are never printed.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pnodes import project, scrubbing
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option
from providers.operations import NodeFacts

_COMMON = frozenset(
    {"cloud", "region", "size", "tournament", "model_id", "image", "job", "console", "account"},
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
        """Return the node's name in nodes.yaml."""
        return self.facts.name


class DeployedStack:
    """A stack's nodes and configuration."""

    def __init__(self, outputs: dict[str, Any], config: dict[str, Any], project_name: str) -> None:
        webhooks: dict[str, str] = outputs.get("webhooks") or {}
        nodes: dict[str, dict[str, Any]] = outputs.get("nodes") or {}
        self.nodes = {name: _node(name, facts, webhooks.get(name, "")) for name, facts in sorted(nodes.items())}
        self.settings: dict[str, dict[str, Any]] = outputs.get("settings") or {}
        self._config, self._project = config, project_name

    @classmethod
    def read(cls, stack: str | None) -> "DeployedStack":
        """Read outputs and configuration from the engine. Raises UserError."""
        pulumi = Pulumi.find()
        with ThreadPoolExecutor(2) as pool:
            outputs = pool.submit(pulumi.read_json, "stack", "output", "--json", "--show-secrets", *stack_option(stack))
            config = pool.submit(pulumi.read_json, "config", "--json", "--show-secrets", *stack_option(stack))
            deployed = cls(outputs.result(), config.result(), project.project_name(pulumi.folder))
        if not deployed.nodes:
            raise UserError("The stack has no nodes yet. Describe one in nodes.yaml and deploy it with `pulumi up`.")
        return deployed

    def node(self, name: str) -> StackNode:
        """Return a node by its name. Raises UserError."""
        from nodefile.problems import did_you_mean

        if name not in self.nodes:
            names = ", ".join(self.nodes)
            raise UserError(
                f'The stack has no node "{name}".{did_you_mean(name, self.nodes)} It has: {names}. Run `pulumi up` to '
                "deploy a node that is new in nodes.yaml.",
                2,
            )
        return self.nodes[name]

    def configured(self, key: str) -> str | None:
        """Return a setting by its full name (aws:region), as text."""
        value = (self._config.get(key) or {}).get("value")
        return None if value is None else str(value)

    def secrets(self) -> frozenset[str]:
        """Return all secrets: the webhooks with their tokens, secret settings and keys in the environment."""
        webhooks = [node.webhook for node in self.nodes.values()]
        return frozenset(scrubbing.secrets(os.environ, self._config, {"webhooks": webhooks}))

    def same_as(self, other: "DeployedStack") -> bool:
        """Whether both have the same nodes, settings and configuration."""
        return vars(self) == vars(other)

    def numerai(self, account: str | None) -> Any:
        """Return a client with the keys of an account (None: the unnamed one). Raises NoKeys."""
        from providers.numerai.client import Client
        from providers.numerai.keys import read_keys

        return Client(read_keys(account, lambda setting: self.configured(f"{self._project}:{setting}")))


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
