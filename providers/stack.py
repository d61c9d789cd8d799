"""Collects the values that all nodes of the current stack share: Numerai's keys, the webhook key, the model ids."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

import pulumi
from pulumi.output import UNKNOWN

from nodefile import Node
from providers.component import Stack
from providers.numerai import keys
from providers.numerai.models import resolve_models
from providers.webhook_key import WebhookKey


def load_stack(nodes: Sequence[Node]) -> Stack:
    """Return the current stack. Registers the webhook key and, for models that are given by name, their look-up."""
    accounts = keys.list_accounts(nodes)
    return Stack(
        project=pulumi.get_project(),
        name=pulumi.get_stack(),
        keys={
            setting: _read_key(account, setting, variable)
            for account in accounts
            for setting, variable in keys.name_keys(account).pairs
        },
        webhook_key=WebhookKey("webhook-key").key,
        model_ids=resolve_models(nodes),
    )


def _read_key(account: str | None, setting: str, variable: str) -> pulumi.Output[str]:
    configured = pulumi.Config().get_secret(setting)
    if configured is not None:
        return configured
    value = os.environ.get(variable)
    if value:
        return pulumi.Output.secret(value)
    if pulumi.runtime.is_dry_run():  # a preview of a pull request has no keys and needs none
        return pulumi.Output.secret(cast(str, UNKNOWN))
    raise pulumi.RunError(keys.explain_missing_key(account, setting))
