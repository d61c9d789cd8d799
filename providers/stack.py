"""Collects the values that all nodes of the current stack share: Numerai's keys, the webhook key, the model ids."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

import pulumi
from pulumi.output import UNKNOWN

from nodefile import Node
from nodefile.example_nodes import list_example_models
from providers import own_secrets
from providers.alerts import load_addresses
from providers.attached import explain_stopped
from providers.component import Stack
from providers.numerai import keys
from providers.numerai.models import resolve_models
from providers.webhook_key import WebhookKey

EXAMPLES_SETTING = "examples"


def load_stack(nodes: Sequence[Node]) -> Stack:
    """Return the current stack. Registers the webhook key and, for models that are given by name, their look-up."""
    if stopped := explain_stopped(os.environ):
        raise pulumi.RunError(stopped)
    _reject_examples(nodes)
    accounts = keys.list_accounts(nodes)
    secrets = _read_secrets(nodes)
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
        secrets=secrets,
        addresses=load_addresses(nodes),
    )


def _reject_examples(nodes: Sequence[Node]) -> None:
    """Raise RunError for nodes with the models of nodes.yaml's examples, unless the stack's settings allow them. A
    preview only warns."""
    examples = list_example_models(nodes)
    if not examples or pulumi.Config().get_bool(EXAMPLES_SETTING):
        return
    sentence = (
        f"nodes.yaml still has the examples that it comes with ({', '.join(examples)}), whose models do not exist at "
        "Numerai: replace them with your own nodes, as `pnodes new` and `pnodes import` do, or run `pnodes demo`, "
        "which deploys them to a sandbox."
    )
    _refuse(sentence)


def _refuse(sentence: str) -> None:
    """Raise RunError; a preview only warns."""
    if not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(f"nothing was changed, since {sentence}")
    pulumi.log.warn(f"`pulumi up` will change nothing, since {sentence}")


def _read_secrets(nodes: Sequence[Node]) -> dict[str, pulumi.Output[str]]:
    """Return the values of the nodes' `secrets` by name. A preview, which may lack them, goes on with unknown ones."""
    values: dict[str, pulumi.Output[str]] = {}
    mistakes = []
    for name in own_secrets.list_names(nodes):
        setting = f"{pulumi.get_project()}:{name}"
        value = pulumi.runtime.get_config(setting)
        if mistake := own_secrets.find_mistake(name, value, pulumi.runtime.is_config_secret(setting)):
            mistakes.append(mistake)
        values[name] = pulumi.Output.secret(cast(str, value or UNKNOWN))
    if mistakes:
        _refuse(";\n".join(mistakes))
    return values


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
