"""Start a job of a node by its own trigger, as its schedule would.

A webhook's call carries a trigger id that Numerai made, and numerapi sends it along with the submission: one made up
here would be an id that Numerai never gave. Scheduled runs have none, so this is the trigger's other door.
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
    """The trigger's answer. Raises UserError. A repeat after an answer that was lost starts nothing twice."""
    # The token goes into a header, out of every access log.
    address, token = webhook_url.beside(node.webhook, f"/schedule/{node.model_id}"), webhook_url.token(node.webhook)
    # The run's id is made of this time, so it is the same for every try.
    body = {"scheduledTime": (now or datetime.now(UTC)).isoformat(timespec="microseconds")}
    said = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            answer = httpx.post(address, json=body, headers={"X-Trigger-Token": token}, timeout=_TIMEOUT)
        except httpx.HTTPError as error:
            said = f"no answer ({type(error).__name__})"
            continue
        found = _read(answer)
        if answer.is_success:
            return found
        said = f"HTTP {answer.status_code}{': ' + str(found['reason']) if found.get('reason') else ''}"
        if answer.status_code < 500:
            break
    raise UserError(
        f"The trigger of {node.name} started nothing: {said}. Its log says more: `pnodes logs {node.name} --trigger`."
    )


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
