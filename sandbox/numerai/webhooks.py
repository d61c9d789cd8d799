"""Numerai's calls of a model's webhook when a round opens, or when the model's owner requests a test.

A call for a round that does not get a 2xx answer is repeated once with the same trigger id: hours later at Numerai,
after a minute or on request in the sandbox.

The caller passes the function that sends the POST. `post_through` returns one that uses the sandbox's gateway, like any
other client.
"""

from __future__ import annotations

import ssl
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sandbox.network import Network
from sandbox.numerai.accounts import Refused
from sandbox.numerai.rounds import stamp
from sandbox.store import Store

Post = Callable[[str, dict[str, Any]], tuple[int, float, str]]
"""post(url, body) -> (status, seconds, text). Status 0 means that there was no answer; the text gives the reason."""

DATA_VERSION = 5
RETRY_AFTER = timedelta(minutes=1)
WAIT_SECONDS = 30.0
_KEPT_CHARACTERS = 2000
_TRIGGERS = "numerai-triggers"


def post_through(network: Network) -> Post:
    """Return a `Post` that uses the sandbox's gateway and trusts only its certificate authority."""

    def post(url: str, body: dict[str, Any]) -> tuple[int, float, str]:
        import httpx  # needed only when a webhook is called

        began = time.monotonic()
        trust = ssl.create_default_context(cafile=str(network.ca_file))
        try:
            with httpx.Client(proxy=network.proxy("numerai"), verify=trust, timeout=WAIT_SECONDS) as client:
                answer = client.post(url, json=body)
        except httpx.HTTPError as error:
            return 0, time.monotonic() - began, f"{type(error).__name__}: {error}"
        return answer.status_code, time.monotonic() - began, answer.text

    return post


def check_url(url: str | None) -> str | None:
    """Return a webhook URL that Numerai accepts; None and "" clear the webhook. Raises Refused."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Refused(f"Webhook: expected an https URL, got {url!r}.")
    return url


class Webhooks:
    """Calls webhooks, and records each trigger id with its model and the webhook's answer."""

    def __init__(self, store: Store, post: Post, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store, self._post, self._now = store, post, now
        self._retrying = threading.Lock()

    def fire(self, model: dict[str, Any], round_number: int, is_test: bool = False) -> dict[str, Any]:
        """Call a model's webhook; return the record of the call."""
        trigger_id = str(uuid.uuid4())
        record: dict[str, Any] = {
            "trigger_id": trigger_id,
            "model_id": model["id"],
            "model": model["name"],
            "tournament": model["tournament"],
            "round": round_number,
            "test": is_test,
            "fired_at": stamp(self._now()),
            "calls": 0,
            "retry_at": None,
        }
        # Store the record before the call, because a quick job may submit before the webhook has answered.
        self._store.put(_TRIGGERS, trigger_id, record)
        return self._call(record, model["webhook"])

    def _call(self, record: dict[str, Any], url: str) -> dict[str, Any]:
        """Post a record to a webhook; return the record with the answer."""
        body: dict[str, Any] = {
            "roundNumber": "test" if record["test"] else record["round"],
            "dataVersion": DATA_VERSION,
            "triggerId": record["trigger_id"],
        }
        status, seconds, text = self._post(url, {**body, "isTest": True} if record["test"] else body)
        calls = record["calls"] + 1
        again = calls == 1 and not record["test"] and not 200 <= status < 300
        record = {
            **record,
            "status": status,
            "seconds": round(seconds, 3),
            "answer": text[:_KEPT_CHARACTERS],
            "calls": calls,
            "retry_at": stamp(self._now() + RETRY_AFTER) if again else None,
        }
        self._store.put(_TRIGGERS, record["trigger_id"], record)
        return record

    def retry(self, models: Sequence[dict[str, Any]], due_only: bool) -> list[dict[str, Any]]:
        """Repeat the failed calls that are due, or all failed calls; return their records.

        Calls of models that no longer have a webhook are not repeated.
        """
        urls = {model["id"]: model["webhook"] for model in models}
        with self._retrying:
            waiting = [record for record in self.triggers() if record.get("retry_at")]
            if due_only:
                waiting = [record for record in waiting if record["retry_at"] <= stamp(self._now())]
            for record in waiting:  # prevents a concurrent repetition
                self._store.put(_TRIGGERS, record["trigger_id"], {**record, "retry_at": None})
        return [self._call(record, url) for record in waiting if (url := urls.get(record["model_id"]))]

    def fire_all(self, models: Sequence[dict[str, Any]], round_number: int) -> list[dict[str, Any]]:
        """Call the webhooks of these models at the same time; return the records in the order of the models."""
        if not models:
            return []
        with ThreadPoolExecutor(max_workers=min(8, len(models))) as pool:
            return list(pool.map(lambda model: self.fire(model, round_number), models))

    def was_issued(self, trigger_id: str | None, model_id: str) -> bool:
        """Return whether this trigger id was issued for this model."""
        record = self._store.get(_TRIGGERS, trigger_id) if trigger_id else None
        return record is not None and record["model_id"] == model_id

    def triggers(self) -> list[dict[str, Any]]:
        """Return the records of all calls so far, oldest first."""
        return sorted(self._store.all(_TRIGGERS).values(), key=lambda record: str(record["fired_at"]))
