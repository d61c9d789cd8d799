"""Looks up the ids of models that nodes.yaml gives by name.

A node gives its model by id, which needs no look-up, or by name. One resource per account looks up all names during
`up` and keeps the ids in the state. It looks them up again only if the names change, so a preview needs no keys.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import dynamic

from nodefile import Node, Tournament
from providers.numerai.keys import Keys, read_keys
from providers.refusal import Refusal
from providers.resource import Provider, Resource


class LookUpFailed(Refusal):
    """A model's id could not be looked up. The sentence says why and what to do."""


class ModelIdsProvider(Provider):
    """Resolves `names` ("tournament/name") to `ids` with the keys of `account` ("" is the unnamed one)."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"numerai-models-{props['account']}".rstrip("-"), self._outputs(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(self._outputs(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=sorted(olds["names"]) != sorted(news["names"]))

    def _outputs(self, props: dict[str, Any]) -> dict[str, Any]:
        return {**props, "ids": look_up(props["names"], read_keys(props["account"] or None, self.setting))}


def look_up(names: Sequence[str], keys: Keys) -> dict[str, str]:
    """Return the ids of "tournament/name" entries. Raises LookUpFailed for unknown names, and the client's errors."""
    from providers.numerai.client import Client  # takes 0.3 s to import, and only a look-up needs it

    client = Client(keys)
    ids: dict[str, str] = {}
    for tournament in sorted({name.split("/")[0] for name in names}):
        models: dict[str, str] = client.get_models(Tournament(tournament).number)
        for name in (entry.split("/", 1)[1] for entry in names if entry.startswith(f"{tournament}/")):
            if name not in models:
                near = difflib.get_close_matches(name, models, n=1)
                hint = f'did you mean "{near[0]}"?' if near else f"it has: {', '.join(sorted(models)) or 'none'}."
                raise LookUpFailed(f'the account has no {tournament} model "{name}"; {hint}')
            ids[f"{tournament}/{name}"] = models[name]
    return ids


class ModelIds(Resource, module="prediction-nodes", name="ModelIds"):
    """The look-up of one account's models. `ids` maps "tournament/name" to the model id."""

    ids: pulumi.Output[Mapping[str, str]]

    def __init__(self, account: str | None, names: Sequence[str]) -> None:
        props = {"names": sorted(set(names)), "account": account or "", "ids": None}
        super().__init__("model-ids", f"numerai-models-{account}" if account else "numerai-models", props)


def resolve_models(nodes: Sequence[Node]) -> dict[str, pulumi.Output[str]]:
    """Return the model ids by node name. Registers a look-up for each account with models that are given by name."""
    named: dict[str | None, dict[str, str]] = {}
    for node in nodes:
        if not node.model_is_id:
            named.setdefault(node.account, {})[node.name] = f"{node.tournament.value}/{node.model}"
    look_ups = {account: ModelIds(account, list(names.values())).ids for account, names in named.items()}

    def resolve(node: Node) -> pulumi.Output[str]:
        if node.model_is_id:
            return pulumi.Output.from_input(node.model.lower())
        name = named[node.account][node.name]
        return look_ups[node.account].apply(lambda ids: ids[name])

    return {node.name: resolve(node) for node in nodes}
