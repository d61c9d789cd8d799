"""A model's webhook at Numerai as a resource: set once the trigger answers, changed with it, cleared with the node.

The state holds a fingerprint of the URL, never the URL, whose token is a secret. `pulumi refresh` reads Numerai's value
back, so that a change made by hand shows. Keys come from the stack's configuration when the resource is worked on: none
are kept in it, and rotating them is no change of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import tenacity
from pulumi import dynamic

from nodefile import Node
from providers import webhook_url
from providers.contract import PredictionNode, Stack
from providers.numerai.keys import NoKeys, keys
from providers.refusal import Refusal
from providers.resource import Provider, Resource

# A new function's address and the right to call it can take minutes to be known everywhere.
_ANSWER_SECONDS, _PAUSE_SECONDS = 300, 5
_ABSENT, _NOT_OURS = "none", "unmanaged"


class TriggerSilent(Refusal):
    """The trigger's address does not answer as a trigger."""


class WebhookProvider(Provider):
    """`node`, `account`, `modelId`, `url` (secret) and `register` in; `fingerprint` of what Numerai has out."""

    answer_seconds, pause_seconds = _ANSWER_SECONDS, _PAUSE_SECONDS

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [name for name in ("account", "register", "node") if olds.get(name) != news[name]]
        # In a preview a new trigger's address is not known yet: no text, but pulumi's mark for that.
        url = news["url"] if isinstance(news["url"], str) else None
        if news["register"] and (url is None or olds.get("fingerprint") != fingerprint(url)):
            changed.append("url")
        # Another model's webhook is another thing: the old one is cleared once the new one is set.
        replaces = ["modelId"] if olds.get("modelId") != news["modelId"] else []
        return dynamic.DiffResult(changes=bool(changed or replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"webhook-{props['modelId']}", self._set(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(self._set(news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        known = {key: value for key, value in props.items() if key not in ("url", "__provider")}
        if not props["register"]:
            return dynamic.ReadResult(id_, known)
        try:
            actual = self._client(props).webhook(props["modelId"])
        except NoKeys as error:
            print(f"{props['node']}: not compared with what Numerai has. {error}", flush=True)
            return dynamic.ReadResult(id_, known)
        return dynamic.ReadResult(id_, {**known, "fingerprint": fingerprint(actual)})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        if not props["register"]:
            return
        from providers.numerai.client import NumeraiRefused

        client = self._client(props)
        try:
            ours = fingerprint(client.webhook(props["modelId"])) == props["fingerprint"]
        except NumeraiRefused as error:
            if "not found" in str(error).lower() or "no model" in str(error):
                return  # a model that is gone has no webhook
            raise
        if ours:
            client.set_webhook(props["modelId"], None)

    def _set(self, props: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in props.items() if key != "url"}
        if not props["register"]:
            return {**kept, "fingerprint": _NOT_OURS}
        client = self._client(props)
        self._wait(props)
        client.set_webhook(props["modelId"], props["url"])
        return {**kept, "fingerprint": fingerprint(props["url"])}

    def _client(self, props: dict[str, Any]) -> Any:
        from providers.numerai.client import Client  # 0.3 s of imports that only work on a webhook needs

        return Client(keys(props["account"] or None, self.setting))

    def _wait(self, props: dict[str, Any]) -> None:
        """Until the trigger answers: Numerai must never be told of an address that does not work."""
        address = webhook_url.beside(props["url"], "/health")
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_NotYet),
            wait=tenacity.wait_fixed(self.pause_seconds),
            stop=tenacity.stop_after_delay(self.answer_seconds),
            reraise=True,
        )
        try:
            again(_ask, address)
        except _NotYet as error:
            raise TriggerSilent(
                f"the trigger of {props['node']} does not answer at {address} ({error}), so Numerai was not told of "
                "it and still has what it had. Run `pulumi up` again in a few minutes; the trigger's log says more."
            ) from error


class _NotYet(Exception):
    """Not the answer of a trigger."""


def _ask(address: str) -> None:
    import requests

    try:
        answer = requests.get(address, timeout=(10, 30))
    except requests.RequestException as error:
        raise _NotYet(f"no answer: {type(error).__name__}") from error
    if answer.status_code != 200:
        raise _NotYet(f"HTTP {answer.status_code}")


def fingerprint(url: str | None) -> str:
    """What the state keeps of a URL: 256 random bits cannot be found from their hash."""
    return hashlib.sha256(url.encode()).hexdigest() if url else _ABSENT


class Webhook(Resource, module="prediction-nodes", name="Webhook"):
    """`fingerprint`: SHA-256 (hex) of the URL that Numerai has; "none" without one, "unmanaged" if it is left alone."""

    fingerprint: pulumi.Output[str]

    def __init__(self, node: Node, built: PredictionNode, stack: Stack) -> None:
        props = {
            "node": node.name,
            "account": node.account or "",
            "modelId": stack.model_ids[node.name],
            "url": built.webhook_url,
            "register": node.register_webhook,
            "fingerprint": None,
        }
        # After everything of the node, and gone before anything of it: Numerai never calls what is not there. No child
        # of the node, whose cloud may change: then the webhook is changed once the new node answers.
        opts = pulumi.ResourceOptions(depends_on=[built], additional_secret_outputs=["url"])
        super().__init__("webhook", node.name, props, opts)


def register_webhooks(nodes: Sequence[Node], built: Mapping[str, PredictionNode], stack: Stack) -> None:
    """One webhook per node."""
    for node in nodes:
        Webhook(node, built[node.name], stack)
