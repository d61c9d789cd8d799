"""Model names -> model ids, looked up once for the whole stack when a name in nodes.yaml is new.

A node may name its model by UUID (then nothing is asked) or by name. All names are resolved by one resource, so that
they are looked up in one go during `up`, kept in the state, and not asked again; a preview needs no keys.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers.refusal import Refusal

NUMBERS = {"classic": 8, "signals": 11, "crypto": 12}


class LookUpFailed(Refusal):
    """Numerai could not tell a model's id; the sentence says why and what to do."""


class ModelIdsProvider(dynamic.ResourceProvider):
    """Resolves `names` ("tournament/name") to `ids` with the account's keys."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult("numerai-models", self._outputs(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(self._outputs(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=sorted(olds["names"]) != sorted(news["names"]))

    def _outputs(self, props: dict[str, Any]) -> dict[str, Any]:
        return {**props, "ids": look_up(props["names"], props["publicId"], props["secretKey"])}


def look_up(names: Sequence[str], public_id: str, secret_key: str) -> dict[str, str]:
    """The ids of "tournament/name" entries. Raises LookUpFailed for refused keys and unknown names."""
    from numerapi.base_api import Api  # 0.3 s of imports that only a look-up needs

    api = Api(public_id=public_id, secret_key=secret_key, verbosity="ERROR", show_progress_bars=False)
    ids: dict[str, str] = {}
    for tournament in sorted({name.split("/")[0] for name in names}):
        try:
            known: dict[str, str] = api.get_models(NUMBERS[tournament])
        except KeyError as error:  # numerapi's answer to HTTP 401
            raise LookUpFailed(
                "Numerai refused the API keys. Expected a public id and a secret key with the scope read_user_info; "
                "set them with `pulumi config set --secret numerai-public-id` and `numerai-secret`."
            ) from error
        except (ValueError, OSError) as error:
            raise LookUpFailed(f"Numerai could not be asked for the account's models: {error}") from error
        for name in (entry.split("/", 1)[1] for entry in names if entry.startswith(f"{tournament}/")):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f'did you mean "{near[0]}"?' if near else f"it has: {', '.join(sorted(known)) or 'none'}."
                raise LookUpFailed(f'the account has no {tournament} model "{name}"; {hint}')
            ids[f"{tournament}/{name}"] = known[name]
    return ids


class ModelIds(dynamic.Resource, module="prediction-nodes", name="ModelIds"):
    """`ids`: "tournament/name" -> model id."""

    ids: pulumi.Output[Mapping[str, str]]

    def __init__(self, names: Sequence[str], public_id: pulumi.Input[str], secret_key: pulumi.Input[str]) -> None:
        props = {"names": sorted(set(names)), "publicId": public_id, "secretKey": secret_key, "ids": None}
        super().__init__(ModelIdsProvider(), "numerai-models", props)


def model_ids(
    nodes: Sequence[Node], public_id: pulumi.Output[str], secret_key: pulumi.Output[str]
) -> dict[str, pulumi.Output[str]]:
    """Model id by node name; registers the look-up only when some node names its model."""
    named = {node.name: f"{node.tournament.value}/{node.model}" for node in nodes if not node.model_is_id}
    found = ModelIds(list(named.values()), public_id, secret_key).ids if named else pulumi.Output.from_input({})

    def one(node: Node) -> pulumi.Output[str]:
        if node.model_is_id:
            return pulumi.Output.from_input(node.model.lower())
        # A name is no secret, though the engine marks what comes from a resource with secret inputs.
        return pulumi.Output.unsecret(found.apply(lambda ids: ids[named[node.name]]))

    return {node.name: one(node) for node in nodes}
