"""What every cloud must build and give back.

A cloud's package (`providers.aws`, `.gcp`, `.azure`) has `cluster.Cluster`, made once per region when the first node
needs it, and `node.PredictionNode`, a subclass of the one here. `Stack` carries what they share: names, tags, Numerai's
keys and the secret from which each webhook's token is derived.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from nodefile import Node, variables
from providers.numerai import keys
from providers.webhook_url import webhook_url

TYPE_PREFIX = "prediction-nodes"


@dataclass(frozen=True)
class Stack:
    """The stack that a program run works on; all outputs here but `model_ids` are secret."""

    project: str
    name: str
    keys: Mapping[str, pulumi.Output[str]]
    """Numerai's API keys by the names of providers.numerai.keys: two for each account in use."""
    webhook_key: pulumi.Output[str]
    model_ids: Mapping[str, pulumi.Output[str]]

    def tags(self, node: Node | None = None) -> dict[str, str]:
        """Tags or labels of a resource: project and stack; for a node's own also its name and the user's tags."""
        own = {"node": node.name, **node.tags} if node else {}
        return {**own, "project": self.project, "stack": self.name}

    def keys_of(self, nodes: Sequence[Node]) -> dict[str, pulumi.Output[str]]:
        """The keys that these nodes need, by name."""
        wanted = {name for node in nodes for name in key_references(node).values()}
        return {name: self.keys[name] for name in sorted(wanted)}

    def token(self, node: Node) -> pulumi.Output[str]:
        """The node's webhook token: 43 url-safe characters, one per node and model, stable while the stack lives."""
        return pulumi.Output.secret(
            pulumi.Output.all(self.webhook_key, self.model_ids[node.name]).apply(
                lambda known: derive_token(known[0], node.name, known[1])
            )
        )

    def token_sha256(self, node: Node) -> pulumi.Output[str]:
        """What the trigger compares with (hex); no secret, since 256 random bits cannot be found from their hash."""
        return pulumi.Output.unsecret(self.token(node).apply(lambda token: hashlib.sha256(token.encode()).hexdigest()))


def key_references(node: Node) -> dict[str, str]:
    """Which of the container's variables holds which of the account's two keys."""
    called = keys.names(node.account)
    return {variables.PUBLIC_ID: called.public_id, variables.SECRET_KEY: called.secret}


def derive_token(key: str, node: str, model_id: str) -> str:
    """HMAC-SHA256 of node and model under the stack's key, in the url-safe alphabet."""
    digest = hmac.new(key.encode(), f"{node}\n{model_id.lower()}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class PredictionNode(pulumi.ComponentResource):
    """One prediction node on one cloud. Subclasses set the outputs below and end `__init__` with `finish()`."""

    node: Node
    webhook_url: pulumi.Output[str]
    """https://HOST/pred/<model id>?token=<token>, secret."""
    image: pulumi.Output[str]
    """The deployed image by digest: REPOSITORY@sha256:HEX."""
    job: pulumi.Output[str]
    """The job as its cloud names it (ARN, resource name, resource id)."""
    console_url: pulumi.Output[str]
    """Where a person looks at the job's runs in the cloud's web console."""
    facts: Mapping[str, pulumi.Input[str]]
    """What `pnodes` needs to ask this cloud about the node: `trigger` (the function's name), `logs` (the log group or
    workspace of its jobs) and what else only this cloud has. Nothing secret."""

    def __init__(self, cloud: str, node: Node, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:{cloud}:PredictionNode", node.name, None, opts)
        self.node = node

    def finish(self, stack: Stack, host: pulumi.Input[str]) -> None:
        """Make the webhook's URL from the trigger's base URL (a slash at its end or not) and register the outputs."""
        self.webhook_url = pulumi.Output.secret(
            pulumi.Output.all(host, stack.model_ids[self.node.name], stack.token(self.node)).apply(
                lambda known: webhook_url(*known)
            )
        )
        self.register_outputs(
            {"webhookUrl": self.webhook_url, "image": self.image, "job": self.job, "consoleUrl": self.console_url}
        )

    def summary(self, stack: Stack) -> dict[str, pulumi.Input[str]]:
        """This node in the stack's output `nodes`: nothing secret."""
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
            **self.facts,
        }
