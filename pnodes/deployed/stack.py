"""The deployed stack as the day-to-day commands need it: its nodes, their webhooks, its configuration with the keys.

Asked from the engine, which alone can open the stack's secrets; nothing of them is ever printed.
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
        """Its name in nodes.yaml."""
        return self.facts.name


class DeployedStack:
    """A stack's nodes and configuration."""

    def __init__(self, outputs: dict[str, Any], config: dict[str, Any], project_name: str) -> None:
        webhooks: dict[str, str] = outputs.get("webhooks") or {}
        found: dict[str, dict[str, Any]] = outputs.get("nodes") or {}
        self.nodes = {name: _node(name, facts, webhooks.get(name, "")) for name, facts in sorted(found.items())}
        self.settings: dict[str, dict[str, Any]] = outputs.get("settings") or {}
        self._config, self._project = config, project_name

    @classmethod
    def read(cls, stack: str | None) -> "DeployedStack":
        """Ask the engine. Raises UserError."""
        pulumi = Pulumi.find()
        with ThreadPoolExecutor(2) as both:
            outputs = both.submit(pulumi.read_json, "stack", "output", "--json", "--show-secrets", *stack_option(stack))
            config = both.submit(pulumi.read_json, "config", "--json", "--show-secrets", *stack_option(stack))
            found = cls(outputs.result(), config.result(), project.project_name(pulumi.folder))
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
        """All that must not be shown: the webhooks with their tokens, secret settings, keys of the environment."""
        webhooks = [node.webhook for node in self.nodes.values()]
        return frozenset(scrubbing.secrets(os.environ, self._config, {"webhooks": webhooks}))

    def same_as(self, other: "DeployedStack") -> bool:
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
