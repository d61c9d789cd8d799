"""The deployed nodes for the commands that operate them: their webhooks and their stacks' configuration with the keys.

The nodes may be divided among several stacks (`stacks` in nodes.yaml). The engine supplies all of it, since only the
engine can decrypt a stack's secrets. They are never printed.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pnodes import project, scrubbing
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option
from providers.operations import Configured, NodeFacts

_COMMON = frozenset(
    {"cloud", "region", "size", "tournament", "model_id", "image", "job", "console", "account", "rescues"},
)

_WITH_SECRETS = ("--json", "--show-secrets")
_AT_ONCE = 4


@dataclass(frozen=True)
class StackNode:
    """One deployed node. `settings` is its entry in the stack output `settings`; None if an older version ran the last
    `up`."""

    facts: NodeFacts
    tournament: str
    model_id: str
    account: str | None
    webhook: str = field(repr=False)
    size: str = ""
    console: str = ""
    settings: Mapping[str, Any] | None = None
    """Those of the node that it rescues, if it is a rescue."""
    rescues: str = ""
    """The node that it rescues; empty if it is no rescue."""
    rescue: "StackNode | None" = None
    stack: int = 0
    """The place of the node's stack among those that were read."""

    @property
    def name(self) -> str:
        """Return the node's name in nodes.yaml."""
        return self.facts.name

    @property
    def enabled(self) -> bool:
        """Whether the node starts jobs, as of the last `up`."""
        return bool((self.settings or {}).get("enabled", True))

    @property
    def registered(self) -> bool:
        """Whether Numerai is to call the node, as of the last `up`. It calls no rescue."""
        return not self.rescues and bool((self.settings or {}).get("register_webhook", True))


class DeployedStack:
    """The nodes and configuration of a stack, or of all stacks together."""

    def __init__(self, stacks: Sequence[tuple[dict[str, Any], dict[str, Any]]], project_name: str) -> None:
        """`stacks`: the outputs and the configuration of each stack."""
        nodes: dict[str, StackNode] = {}
        for place, (outputs, _) in enumerate(stacks):
            webhooks: dict[str, str] = outputs.get("webhooks") or {}
            settings: dict[str, dict[str, Any]] = outputs.get("settings") or {}
            entries = outputs.get("nodes") or {}
            # Rescues first, to which their nodes refer.
            for name, facts in sorted(entries.items(), key=lambda item: not item[1].get("rescues")):
                own = settings.get(facts.get("rescues") or name)
                rescue = next((node for node in nodes.values() if node.rescues == name), None)
                nodes[name] = _node(name, facts, webhooks.get(name, ""), own, place, rescue)
        self.nodes = dict(sorted(nodes.items()))
        self._configs, self._project = [config for _, config in stacks], project_name

    @classmethod
    def read(cls, stack: str | None, may_be_empty: bool = False) -> "DeployedStack":
        """Read outputs and configuration from the engine. Raises UserError, also if there are no nodes.

        Without a name, reads all stacks that nodes.yaml names and that exist, or the selected stack if it names none.
        """
        pulumi = Pulumi.find()
        stacks: list[str | None] = [stack] if stack else [*project.list_stacks(pulumi.folder)] or [None]
        if len(stacks) > 1:
            existing = {entry["name"].rsplit("/", 1)[-1] for entry in pulumi.read_json("stack", "ls", "--json")}
            stacks = [name for name in stacks if name in existing]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            options = [stack_option(name) for name in stacks]
            outputs = pool.map(lambda name: pulumi.read_json("stack", "output", *_WITH_SECRETS, *name), options)
            configs = pool.map(lambda name: pulumi.read_json("config", *_WITH_SECRETS, *name), options)
            deployed = cls(list(zip(outputs, configs, strict=True)), project.project_name(pulumi.folder))
        if not deployed.nodes and not may_be_empty:
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

    def configured(self, node: StackNode) -> Configured:
        """Return a function that returns a setting of the node's stack by its full name (aws:region), as text."""

        def read_setting(key: str) -> str | None:
            value = (self._configs[node.stack].get(key) or {}).get("value")
            return None if value is None else str(value)

        return read_setting

    def secrets(self) -> frozenset[str]:
        """Return all secrets: the webhooks with their tokens, secret settings and keys in the environment."""
        webhooks = [node.webhook for node in self.nodes.values()]
        found = (scrubbing.secrets(os.environ, config, {"webhooks": webhooks}) for config in self._configs)
        return frozenset(secret for secrets in found for secret in secrets)

    def same_as(self, other: "DeployedStack") -> bool:
        """Whether both have the same nodes, settings and configuration."""
        return vars(self) == vars(other)

    def numerai(self, node: StackNode) -> Any:
        """Return a client with the keys of a node's account. Raises NoKeys."""
        from providers.numerai.client import Client
        from providers.numerai.keys import read_keys

        read_setting = self.configured(node)
        return Client(read_keys(node.account, lambda setting: read_setting(f"{self._project}:{setting}")))


def _node(
    name: str,
    facts: dict[str, Any],
    webhook: str,
    settings: Mapping[str, Any] | None,
    stack: int,
    rescue: StackNode | None,
) -> StackNode:
    own = {key: str(value) for key, value in facts.items() if key not in _COMMON}
    return StackNode(
        NodeFacts(name, facts["cloud"], facts["region"], facts["job"], own),
        facts["tournament"],
        facts["model_id"],
        facts.get("account"),
        webhook,
        facts.get("size", ""),
        facts.get("console", ""),
        settings,
        facts.get("rescues", ""),
        rescue,
        stack,
    )
