"""The stack at hand: Numerai's keys from its configuration, its webhook key, the ids of its nodes' models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

import pulumi
from pulumi.output import UNKNOWN

from nodefile import Node
from providers.contract import Stack
from providers.numerai import keys
from providers.numerai.models import model_ids
from providers.webhook_key import WebhookKey


def current_stack(nodes: Sequence[Node]) -> Stack:
    """What all nodes of this run share. Registers the webhook key and, where names are used, the model look-up."""
    accounts = sorted({node.account for node in nodes}, key=lambda account: account or "")
    return Stack(
        project=pulumi.get_project(),
        name=pulumi.get_stack(),
        keys={name: value for account in accounts for name, value in _keys(account).items()},
        webhook_key=WebhookKey("webhook-key").key,
        model_ids=model_ids(nodes),
    )


def _keys(account: str | None) -> dict[str, pulumi.Output[str]]:
    called = keys.names(account)
    return {
        called.public_id: _key(account, called.public_id, called.public_id_variable),
        called.secret: _key(account, called.secret, called.secret_variable),
    }


def _key(account: str | None, setting: str, variable: str) -> pulumi.Output[str]:
    configured = pulumi.Config().get_secret(setting)
    if configured is not None:
        return configured
    value = os.environ.get(variable)
    if value:
        return pulumi.Output.secret(value)
    if pulumi.runtime.is_dry_run():  # a preview in a pull request has no keys and needs none
        return pulumi.Output.secret(cast(str, UNKNOWN))
    raise pulumi.RunError(keys.missing_sentence(account, setting))
