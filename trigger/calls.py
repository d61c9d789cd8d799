"""Reads the HTTP requests to a trigger: who may make them, and the run that a request asks for."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeGuard

from trigger.claims import SCHEDULE_RUN, name_round
from trigger.table import Row

MAX_BODY_BYTES = 64 * 1024
# Not the beginnings of names that the trigger itself gives: a call could take a round's claims, or pass for the watch.
_TRIGGER_ID = re.compile(r"(?!round-|schedule-|watch-|partner-)[A-Za-z0-9][A-Za-z0-9_-]{7,63}")
_SCHEDULE_NAMESPACE = "0f4b1a9e-6f1d-5f0a-9d53-2f1f3a6c8e11"


class Request(NamedTuple):
    """One HTTP request; header names are lower-case, `path` is decoded and has no query."""

    method: str
    path: str
    query: Mapping[str, str] = MappingProxyType({})
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""

    @property
    def is_question(self) -> bool:
        """Whether the trigger of a node's partner asks, which the watch answers (`partner`)."""
        return self.path.startswith("/partner/")


class Response(NamedTuple):
    """Status and JSON body of the answer."""

    status: int
    body: dict[str, Any]

    def json(self) -> str:
        """Return the body as text."""
        return json.dumps(self.body, separators=(",", ":"))


class Start(NamedTuple):
    """A start that was requested: the node, the id that is claimed, and the variables for the job."""

    row: Row
    run_id: str
    env: dict[str, str]
    round_folder: str = ""
    """Where the claims of the round are that this start still has to claim; empty if there is nothing to claim."""

    def name_claim(self, name: str) -> str:
        """Return the key of a claim or mark, such as `1.claim`."""
        return f"{self.row.node}/{self.run_id}/{name}"

    def describe(self) -> dict[str, Any]:
        """Return the run's part of the log line."""
        return {"run": self.run_id, "test": self.env["IS_TEST"] == "true"}


class RefusedError(Exception):
    """A call is refused, and the answer has this HTTP status. The sentence can be logged."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def is_token(token: str | None, row: Row) -> bool:
    """Whether this is the token of the row's node."""
    return hmac.compare_digest(hashlib.sha256((token or "").encode()).hexdigest(), row.token_sha256)


def require_enabled(row: Row) -> None:
    """Raise RefusedError if the node is disabled."""
    if row.enabled != "yes":
        raise RefusedError(403, f"node {row.node} is disabled in nodes.yaml")


def read_json(body: bytes, required: bool) -> dict[str, Any]:
    """Return the object in the body; an empty one if the body is empty and not required. Raises RefusedError."""
    if len(body) > MAX_BODY_BYTES:
        raise RefusedError(413, f"the body has {len(body)} bytes, at most {MAX_BODY_BYTES} are read")
    if not body.strip() and not required:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise RefusedError(400, "the body is not a JSON object")
    return value


def read_webhook(row: Row, body: dict[str, Any]) -> Start:
    """Return the start that Numerai's call asks for. Raises RefusedError."""
    trigger_id, round_number = body.get("triggerId"), body.get("roundNumber")
    data_version, is_test = body.get("dataVersion"), body.get("isTest")
    if not isinstance(trigger_id, str) or not _TRIGGER_ID.fullmatch(trigger_id):
        raise RefusedError(400, "triggerId: expected a UUID as text")
    number = _is_whole(round_number) and round_number >= 0
    if not number and round_number != "test":
        raise RefusedError(400, 'roundNumber: expected a whole number or "test"')
    if data_version is not None and not _is_whole(data_version):
        raise RefusedError(400, "dataVersion: expected a whole number")
    if is_test is not None and not isinstance(is_test, bool):
        raise RefusedError(400, "isTest: expected true or false")
    env = {
        "TRIGGER_ID": trigger_id,
        "RUN_ID": trigger_id,
        "MODEL_ID": row.model_id,
        "NODE_NAME": row.title,
        "ROUND_NUMBER": str(round_number),
        "IS_TEST": "true" if is_test or round_number == "test" else "false",
    }
    if data_version is not None:
        env["DATA_VERSION"] = str(data_version)
    real = number and env["IS_TEST"] == "false"
    return Start(row, trigger_id, env, name_round(row.node, int(str(round_number))) if real else "")


def _is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number of up to nine digits. More digits would not fit into an object's name."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9


def read_schedule(row: Row, when: str) -> Start:
    """Return the start of a schedule's time (ISO 8601). The same time has the same id."""
    # No TRIGGER_ID: Numerai issued none for this run, and numerapi would send it along with the submission.
    import uuid

    run_id = f"{SCHEDULE_RUN}{uuid.uuid5(uuid.UUID(_SCHEDULE_NAMESPACE), f'{row.node} {when}')}"
    return Start(row, run_id, {"RUN_ID": run_id, "MODEL_ID": row.model_id, "NODE_NAME": row.title, "IS_TEST": "false"})
