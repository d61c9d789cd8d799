"""The components that every cloud builds, and the values of the stack that they share.

Each cloud's package (`providers.aws`, `.gcp`, `.azure`) has a `cluster.Cluster`, which is built once per region in use,
and a `node.PredictionNode`, a subclass of the class below. `Stack` holds names, tags, Numerai's keys and the secret
from which the webhook tokens are derived.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from nodefile import Node, variables
from nodefile.rescue import find_primary
from providers import own_secrets
from providers.numerai import keys
from providers.webhook_url import build_webhook_url
from trigger.table import Row

TYPE_PREFIX = "prediction-nodes"
WATCH_MINUTES = 5
"""How often the triggers look at the rounds."""


@dataclass(frozen=True)
class Stack:
    """The stack that is being deployed. All outputs except `model_ids` are secret."""

    project: str
    name: str
    keys: Mapping[str, pulumi.Output[str]]
    """Numerai's API keys, two per account in use, by their names in the configuration (`providers.numerai.keys`)."""
    webhook_key: pulumi.Output[str]
    model_ids: Mapping[str, pulumi.Output[str]]
    secrets: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """The values of the nodes' own `secrets`, by name."""
    partners: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """The URL of the trigger of a node's rescue, or of the node that it rescues, by node name. Not secret."""
    addresses: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """The addresses of webhooks and heartbeats, by their names in the configuration (`providers.alerts`)."""

    def tags(self, node: Node | None = None) -> dict[str, str]:
        """Return a resource's tags: project and stack, and for a node's resource also its name and the user's tags."""
        own = {"node": node.name, **node.tags} if node else {}
        return {**own, "project": self.project, "stack": self.name}

    def select_keys(self, nodes: Sequence[Node]) -> dict[str, pulumi.Output[str]]:
        """Return the keys that these nodes need, by name."""
        names = {name for node in nodes for name in reference_keys(node).values()}
        return {name: self.keys[name] for name in sorted(names)}

    def select_secrets(self, nodes: Iterable[Node]) -> dict[str, pulumi.Output[str]]:
        """Return the values of these nodes' own secrets, by name."""
        return {name: self.secrets[name] for name in own_secrets.list_names(nodes)}

    def token(self, node: Node) -> pulumi.Output[str]:
        """Return the node's webhook token: 43 URL-safe characters that depend on the stack, the node and its model."""
        return pulumi.Output.secret(
            pulumi.Output.all(self.webhook_key, self.model_ids[node.name]).apply(
                lambda values: derive_token(values[0], node.name, values[1])
            )
        )

    @property
    def watch_token(self) -> pulumi.Output[str]:
        """The token with which a cloud's scheduler calls the watch of a trigger, secret."""
        return pulumi.Output.secret(self.webhook_key.apply(lambda key: derive_token(key, "", "watch")))

    def token_sha256(self, node: Node) -> pulumi.Output[str]:
        """Return the token's SHA-256 in hex, for the trigger. Not secret: 256 random bits cannot be guessed."""
        return pulumi.Output.unsecret(self.token(node).apply(hash_token))


def reference_keys(node: Node) -> dict[str, str]:
    """Return the names of the account's two keys by the container's variables that hold them."""
    names = keys.name_keys(node.account)
    return {variables.PUBLIC_ID: names.public_id, variables.SECRET_KEY: names.secret}


def hash_token(token: str) -> str:
    """Return a token's SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def derive_token(key: str, node: str, model_id: str) -> str:
    """Return the HMAC-SHA256 of node and model under the stack's key, in the URL-safe alphabet."""
    digest = hmac.new(key.encode(), f"{node}\n{model_id.lower()}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def name_in_region(node: Node) -> str:
    """Return the logical name of a node's resource whose identifier is the same after a move to another region.

    With the node's name alone, a move would replace the resource. If the `up` then fails and the node moves back, the
    resource to create and the one to delete would be the same: its images, its row or its definition would be lost.
    With this name, a move creates one resource and deletes another at the end, as for a move to another cloud.
    """
    return f"{node.name}@{node.region}"


def alias_in_region(node: Node) -> pulumi.ResourceOptions:
    """Return the option that finds such a resource under the name that it had in earlier versions."""
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=node.name)])


def write_watch(node: Node) -> str:
    """Return the column `watch` of the node's row."""
    return f"{node.watch.after}-{node.watch.retries}" if node.watch.enabled else ""


class PredictionNode(pulumi.ComponentResource):
    """One prediction node on one cloud. Subclasses set the outputs below and end `__init__` with `finish()`."""

    node: Node
    webhook_url: pulumi.Output[str]
    """https://HOST/pred/<model id>?token=<token>, secret."""
    image: pulumi.Output[str]
    """The deployed image by digest: REPOSITORY@sha256:HEX."""
    job: pulumi.Output[str]
    """The job's identifier on its cloud (ARN, resource name or resource id)."""
    console_url: pulumi.Output[str]
    """The page of the cloud's web console that lists the job's runs."""
    facts: Mapping[str, pulumi.Input[str]]
    """The names by which `pnodes` queries this cloud about the node: `trigger` (the function), `logs` (the log group or
    workspace of its jobs) and others that only this cloud has. Not secret."""

    def __init__(self, cloud: str, node: Node, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:{cloud}:PredictionNode", node.name, None, opts)
        self.node = node

    def finish(self, stack: Stack, host: pulumi.Input[str]) -> None:
        """Set `webhook_url` from the trigger's base URL, which may end in a slash, and register the outputs."""
        self.webhook_url = pulumi.Output.secret(
            pulumi.Output.all(host, stack.model_ids[self.node.name], stack.token(self.node)).apply(
                lambda parts: build_webhook_url(*parts)
            )
        )
        self.register_outputs(
            {"webhookUrl": self.webhook_url, "image": self.image, "job": self.job, "consoleUrl": self.console_url}
        )

    def write_row(
        self,
        stack: Stack,
        job: pulumi.Output[str],
        keys: pulumi.Output[str],
        alerts: pulumi.Input[str],
        queue: pulumi.Input[str] = "",
    ) -> pulumi.Output[str]:
        """Return the node's row in the trigger's table as the name of an object, without the table's prefix.

        `keys` is the reference with which the trigger reads the account's keys, `alerts` is the column of that name.
        """
        node, partner = self.node, stack.partners.get(self.node.name, "")
        return pulumi.Output.all(
            stack.model_ids[node.name], stack.token_sha256(node), job, queue, keys, partner, alerts
        ).apply(
            lambda values: Row(
                values[0],
                node.name,
                values[1],
                values[2],
                values[3],
                "yes" if node.enabled else "no",
                tournament=node.tournament.value,
                watch=write_watch(node),
                keys=values[4] if node.watch.enabled else "",
                primary=find_primary(node),
                partner=values[5],
                alerts=values[6],
            ).write_key()
        )

    def summary(self, stack: Stack) -> dict[str, pulumi.Input[str]]:
        """Return the node's entry in the stack's output `nodes`. Not secret."""
        node = self.node
        return {
            "cloud": node.cloud,
            "region": node.region,
            "size": node.size.preset or f"{node.size.cpu:g} vCPU, {node.size.memory} MiB",
            "tournament": node.tournament.value,
            "model_id": stack.model_ids[node.name],
            "image": self.image,
            "job": self.job,
            "console": self.console_url,
            **({"account": node.account} if node.account else {}),
            **({"rescues": find_primary(node)} if find_primary(node) else {}),
            **self.facts,
        }
