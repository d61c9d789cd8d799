"""The stack's webhook key: 256 random bits, generated once and kept in the stack's state as a secret.

The token of each node is derived from it (`component.Stack.token`), so that a new node needs no input from the user and
no random provider has to be installed. Replacing this resource with `pulumi up --replace` changes all webhooks.
"""

from __future__ import annotations

import secrets
from typing import Any

import pulumi
from pulumi import dynamic

from providers.resource import Provider, Resource


class WebhookKeyProvider(Provider):
    """Creates the key. It exists in the state only, so there is nothing to compare, update or delete elsewhere."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"webhook-key-{secrets.token_hex(4)}", {"key": secrets.token_urlsafe(32)})

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=False)


class WebhookKey(Resource, module="prediction-nodes", name="WebhookKey"):
    """The webhook key. `key` has 43 URL-safe characters and is secret."""

    key: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["key"])
        super().__init__("webhook-key", name, {"key": None}, pulumi.ResourceOptions.merge(opts, secret))
