"""Starts a job of a node through its own trigger, as its schedule does.

A call of the webhook contains a trigger id from Numerai, which numerapi sends with the submission. An id from anywhere
else would be unknown to Numerai. Scheduled runs have no trigger id, so this module uses the schedule's route.
"""

import time
from datetime import UTC, datetime
from typing import Any

import httpx

from pnodes.deployed.stack import StackNode
from pnodes.errors import UserError
from providers import webhook_url

_TRIES, _PAUSE_SECONDS = 3, 2.0
_TIMEOUT = 60


def start(node: StackNode, now: datetime | None = None) -> dict[str, Any]:
    """Return the trigger's answer. A retry after a lost answer does not start a second job. Raises UserError."""
    # The token goes into a header, so that no access log contains it.
    address = webhook_url.build_trigger_url(node.webhook, f"/schedule/{node.model_id}")
    token = webhook_url.read_token(node.webhook)
    # The trigger derives the run's id from this time, so every attempt has the same id.
    body = {"scheduledTime": (now or datetime.now(UTC)).isoformat(timespec="microseconds")}
    failure = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            answer = httpx.post(address, json=body, headers={"X-Trigger-Token": token}, timeout=_TIMEOUT)
        except httpx.HTTPError as error:
            failure = f"no answer ({type(error).__name__})"
            continue
        document = read_answer(answer)
        if answer.is_success:
            return document
        failure = f"HTTP {answer.status_code}{': ' + str(document['reason']) if document.get('reason') else ''}"
        if answer.status_code < 500:
            break
    raise UserError(
        f"The trigger of {node.name} started no job: {failure}. See its log: `pnodes logs {node.name} --trigger`."
    )


def read_answer(answer: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a trigger's answer; {} if it has none."""
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
