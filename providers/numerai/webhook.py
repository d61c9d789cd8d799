"""A model's webhook at Numerai as a resource. It is set once the trigger answers and cleared when the node is removed.

The state holds a fingerprint of the URL instead of the URL, whose token is secret. `pulumi refresh` reads the webhook
from Numerai and so detects manual changes. The keys are read from the stack's configuration for each operation; the
resource does not store them, so rotating keys does not change it.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import tenacity
from pulumi import dynamic

from nodefile import Node
from providers import webhook_url
from providers.cancellation import cancelled
from providers.component import PredictionNode, Stack
from providers.numerai.keys import NoKeys, read_keys
from providers.refusal import Refusal
from providers.resource import Provider, Resource

# It can take minutes until the URL of a new function resolves and the permission to call it takes effect.
_ANSWER_SECONDS, _PAUSE_SECONDS = 300, 5
# Numerai accepts about 50 changes of webhooks a minute, so those of a large fleet take their time.
_BUSY_SECONDS, _BUSY_PAUSE = 3600, 20
# On Fargate, it takes up to a minute until a job that was just submitted has its image and keys.
_SETTLE_SECONDS = 90
SETTLE_SETTING = "settle-seconds"
"""The setting of the stack that replaces this time."""
_ABSENT, _NOT_OURS = "none", "unmanaged"


class TriggerSilent(Refusal):
    """The trigger does not serve the model at its URL."""


class WebhookProvider(Provider):
    """Sets, reads and clears a webhook.

    Inputs: `node`, `account`, `modelId`, `url` (secret) and `register`. Output: `fingerprint` of the URL at Numerai.
    """

    answer_seconds, pause_seconds = _ANSWER_SECONDS, _PAUSE_SECONDS
    busy_seconds, busy_pause = _BUSY_SECONDS, _BUSY_PAUSE

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [name for name in ("account", "register", "node") if olds.get(name) != news[name]]
        # In a preview, the URL of a new trigger is Pulumi's marker for unknown values, which is not a string.
        url = news["url"] if isinstance(news["url"], str) else None
        if news["register"] and (url is None or olds.get("fingerprint") != fingerprint(url)):
            changed.append("url")
        # The webhook belongs to the model: for another model, the new webhook is set and then the old one cleared.
        replaces = ["modelId"] if olds.get("modelId") != news["modelId"] else []
        return dynamic.DiffResult(changes=bool(changed or replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"webhook-{props['modelId']}", self._set(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        outputs = self._set(news)
        if news["register"] and olds.get("fingerprint") not in (_ABSENT, _NOT_OURS, outputs["fingerprint"]):
            self._settle(news)
        return dynamic.UpdateResult(outputs)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        outputs = {key: value for key, value in props.items() if key not in ("url", "__provider")}
        if not props["register"]:
            return dynamic.ReadResult(id_, outputs)
        try:
            actual = self._create_client(props).webhook(props["modelId"])
        except NoKeys as error:
            print(f"{props['node']}: the webhook was not compared with Numerai's. {error}", flush=True)
            return dynamic.ReadResult(id_, outputs)
        return dynamic.ReadResult(id_, {**outputs, "fingerprint": fingerprint(actual)})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        if not props["register"]:
            return
        from providers.numerai.client import NumeraiRefused

        client = self._create_client(props)
        try:
            ours = fingerprint(client.webhook(props["modelId"])) == props["fingerprint"]
        except NumeraiRefused as error:
            if "not found" in str(error).lower() or "no model" in str(error):
                return  # a deleted model has no webhook
            raise
        if ours:
            self._change(client, props, None)

    def _set(self, props: dict[str, Any]) -> dict[str, Any]:
        outputs = {key: value for key, value in props.items() if key != "url"}
        if not props["register"]:
            return {**outputs, "fingerprint": _NOT_OURS}
        client = self._create_client(props)
        self._await_trigger(props)
        self._change(client, props, props["url"])
        return {**outputs, "fingerprint": fingerprint(props["url"])}

    def _settle(self, props: dict[str, Any]) -> None:
        """Wait until calls of the old address have been answered and their jobs have started.

        Then the update goes on and deletes what the old address needs: a trigger, and roles and keys of jobs.
        """
        seconds = float(self.setting(SETTLE_SETTING) or _SETTLE_SECONDS)
        if seconds:
            print(
                f"{props['node']}: Numerai calls another trigger now; the old one stays for {seconds:g} s", flush=True
            )
            cancelled.wait(seconds)

    def _change(self, client: Any, props: dict[str, Any], url: str | None) -> None:
        """Change the webhook, as soon as Numerai accepts another change. Raises NumeraiRefused and NumeraiSilent."""
        from providers.numerai.client import NumeraiBusy

        deadline = time.monotonic() + self.busy_seconds
        while True:
            try:
                return client.set_webhook(props["modelId"], url)  # type: ignore[no-any-return]
            except NumeraiBusy as busy:
                if time.monotonic() > deadline:
                    raise
                # Not all at the same time: some of the changes that wait are accepted next.
                pause = (busy.seconds or self.busy_pause) * random.uniform(1, 1.5)  # noqa: S311
                print(
                    f"{props['node']}: Numerai accepts about 50 changes of webhooks a minute; "
                    f"this one is sent again in {pause:.0f} s",
                    flush=True,
                )
                if cancelled.wait(pause):
                    raise

    def _create_client(self, props: dict[str, Any]) -> Any:
        from providers.numerai.client import Client  # takes 0.3 s to import, and only these operations need it

        return Client(read_keys(props["account"] or None, self.setting))

    def _await_trigger(self, props: dict[str, Any]) -> None:
        """Wait until the trigger serves the model, so that Numerai never gets a URL that does not work.

        Raises TriggerSilent.
        """
        address = webhook_url.build_trigger_url(props["url"], f"/health/{props['modelId']}")
        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_NotYet),
            wait=tenacity.wait_fixed(self.pause_seconds),
            stop=tenacity.stop_after_delay(self.answer_seconds),
            reraise=True,
        )
        try:
            retry(_check_health, address)
        except _NotYet as error:
            raise TriggerSilent(
                f"the trigger does not serve {props['node']} at {address} ({error}), so the webhook at Numerai was "
                "not changed. Run `pulumi up` again in a few minutes; the trigger's log has details."
            ) from error


class _NotYet(Exception):
    """The trigger does not answer yet."""


def _check_health(address: str) -> None:
    import requests

    from providers.numerai.client import open_session

    try:
        answer = open_session().get(address, timeout=(10, 30))
    except requests.RequestException as error:
        raise _NotYet(f"no answer: {type(error).__name__}") from error
    if answer.status_code != 200:
        raise _NotYet(f"HTTP {answer.status_code}")


def fingerprint(url: str | None) -> str:
    """Return the SHA-256 of a URL for the state. It does not reveal the URL, whose token has 256 random bits."""
    return hashlib.sha256(url.encode()).hexdigest() if url else _ABSENT


class Webhook(Resource, module="prediction-nodes", name="Webhook"):
    """A model's webhook.

    `fingerprint` is the SHA-256 (hex) of the URL at Numerai, "none" if there is no URL, or "unmanaged" if this project
    does not manage the webhook.
    """

    fingerprint: pulumi.Output[str]

    def __init__(self, node: Node, component: PredictionNode, stack: Stack) -> None:
        props = {
            "node": node.name,
            "account": node.account or "",
            "modelId": stack.model_ids[node.name],
            "url": component.webhook_url,
            "register": node.register_webhook,
            "fingerprint": None,
        }
        # Created after all resources of the node and deleted before them, so that Numerai never calls a missing
        # trigger. Not a child of the node: if the node moves to another cloud, the webhook is updated in place.
        opts = pulumi.ResourceOptions(depends_on=[component], additional_secret_outputs=["url"])
        super().__init__("webhook", node.name, props, opts)


def register_webhooks(nodes: Sequence[Node], components: Mapping[str, PredictionNode], stack: Stack) -> None:
    """Register each node's webhook with Pulumi. `components` holds the nodes' components by node name."""
    for node in nodes:
        Webhook(node, components[node.name], stack)
