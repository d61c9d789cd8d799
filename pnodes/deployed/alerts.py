"""Sends a test of a node's alerts through its deployed trigger, as an event would be sent."""

from __future__ import annotations

import httpx

from pnodes.deployed.stack import StackNode
from pnodes.deployed.start import read_answer
from providers import webhook_url
from providers.operations import UNREACHED, OperationsError, Refused

_TIMEOUT = 60


def send_test(node: StackNode) -> dict[str, str]:
    """Return `sent`, or why not, by channel. Raises OperationsError if the trigger did not try."""
    # The token goes into a header, so that no access log contains it.
    address = webhook_url.build_trigger_url(node.webhook, f"/alerts/{node.model_id}")
    headers = {"X-Trigger-Token": webhook_url.read_token(node.webhook)}
    try:
        answer = httpx.post(address, headers=headers, timeout=_TIMEOUT)
    except httpx.HTTPError as error:
        raise OperationsError(f"The node's trigger did not answer ({type(error).__name__}). {UNREACHED}") from error
    document = read_answer(answer)
    channels = document.get("channels")
    if isinstance(channels, dict):
        return {str(channel): str(outcome) for channel, outcome in channels.items()}
    code, reason = str(answer.status_code), str(document.get("reason") or "")
    if answer.status_code == 404 and reason.startswith("expected POST"):
        raise OperationsError("The node's trigger was deployed before it sent alerts. Run `pulumi up` once.")
    raise Refused(f"The node's trigger sent nothing: HTTP {code}{': ' + reason if reason else ''}.", code)
