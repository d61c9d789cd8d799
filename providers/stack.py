"""The stack at hand: Numerai's keys from its configuration, its webhook key, the ids of its nodes' models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

import pulumi
from pulumi.output import UNKNOWN

from nodefile import Node
from numerai.models import model_ids
from providers.contract import Stack
from providers.webhook_key import WebhookKey


def current_stack(nodes: Sequence[Node]) -> Stack:
    """What all nodes of this run share. Registers the webhook key and, where names are used, the model look-up."""
    public_id = _key("numerai-public-id", "NUMERAI_PUBLIC_ID")
    secret_key = _key("numerai-secret", "NUMERAI_SECRET_KEY")
    return Stack(
        project=pulumi.get_project(),
        name=pulumi.get_stack(),
        public_id=public_id,
        secret_key=secret_key,
        webhook_key=WebhookKey("webhook-key").key,
        model_ids=model_ids(nodes, public_id, secret_key),
    )


def _key(setting: str, variable: str) -> pulumi.Output[str]:
    configured = pulumi.Config().get_secret(setting)
    if configured is not None:
        return configured
    value = os.environ.get(variable)
    if value:
        return pulumi.Output.secret(value)
    if pulumi.runtime.is_dry_run():  # a preview in a pull request has no keys and needs none
        return pulumi.Output.secret(cast(str, UNKNOWN))
    raise pulumi.RunError(
        f"Numerai's API key is not set: expected the secret `{setting}` in this stack's configuration "
        f"(pulumi config set --secret {setting}) or {variable} in the environment."
    )
