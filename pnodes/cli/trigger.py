"""`pnodes trigger`: a job now, by the node's own trigger, as its schedule would start one.

A webhook's call carries a trigger id that Numerai made, and numerapi sends it along with the submission: one made up
here would be an id that Numerai never gave. Scheduled runs have none, so this is the trigger's other door.
"""

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import httpx
import typer
from rich.console import Console

from pnodes.deployed.stack import AsJson, Stack, StackNode, StackOption
from pnodes.errors import UserError

_TRIES, _PAUSE_SECONDS = 3, 2.0
_TIMEOUT = 60


def trigger(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")],
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Start a job of the node now, by its own trigger, as its schedule would.

    The run has no trigger id: only Numerai makes those, and one made up here would go to Numerai with the submission.
    What it submits counts like any other. `pnodes test` has Numerai fire the webhook instead, with an id of its own.
    """
    answer = start(Stack.read(stack).node(node))
    job = str(answer.get("job") or "").rsplit("/", 1)[-1]
    if as_json:
        print(json.dumps({"node": node, "status": answer.get("status"), "job": job, "run": answer.get("run")}))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{node}: {answer.get('status')}{', job ' + job if job else ''}", markup=False)
    console.print(f"Follow it with `pnodes logs {node} --follow`, end it with `pnodes stop {node}`.", markup=False)


def start(node: StackNode, now: datetime | None = None) -> dict[str, Any]:
    """The trigger's answer. Raises UserError. A repeat after an answer that was lost starts nothing twice."""
    address, token = door(node)
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


def door(node: StackNode) -> tuple[str, str]:
    """Where the node's schedule knocks, and the token that goes into a header there, out of every access log."""
    parts = urlsplit(node.webhook)
    token = (parse_qs(parts.query).get("token") or [""])[0]
    path = f"{parts.path.split('/pred/')[0]}/schedule/{node.model_id}"
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), token


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
