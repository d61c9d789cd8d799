"""What a webhook does with a request, the same on every cloud.

Standard library only, since this file is deployed as it is. A request is checked, its trigger id is claimed by one
atomic creation in object storage, the job is started, and the answer says what happened. The claims of one trigger id
are an append-only series: `1.claim`, then `1.started` or `1.failed`, then `2.claim` and so on. Attempt n+1 may be
claimed once attempt n is marked failed, or once its lease has run out without a start (the trigger died in between),
so a repeat of a request heals what broke and never starts a second job for one that runs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_BODY_BYTES = 64 * 1024
MAX_ATTEMPTS = 20
# Longer than any of the functions may live (time-outs of at most 60 s): whoever held an expired lease is dead.
LEASE_SECONDS = 120
_TRIGGER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}")
_SCHEDULE_NAMESPACE = uuid.UUID("0f4b1a9e-6f1d-5f0a-9d53-2f1f3a6c8e11")


class StartError(Exception):
    """The cluster did not take the job; the sentence says why and is safe to log."""


class ClaimError(Exception):
    """The claim store could not be asked; the sentence says why and is safe to log."""


class Claims(Protocol):
    """Where claims are kept: create and read, no overwriting or deleting. Keys are relative to the node's prefix."""

    def create(self, key: str, body: bytes) -> bool:
        """Create one object atomically; False when it exists. Raises ClaimError."""

    def list(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`. Raises ClaimError."""

    def read(self, key: str) -> bytes:
        """The body of an object that exists. Raises ClaimError."""


class Jobs(Protocol):
    """The compute cluster, seen from the trigger."""

    def start(self, run_name: str, env: dict[str, str]) -> str:
        """Start the node's job with these variables added and return its id. Raises StartError."""


@dataclass(frozen=True)
class Settings:
    """What one deployed trigger knows: its node, and the SHA-256 of its token (never the token)."""

    node: str
    model_id: str
    token_sha256: str
    enabled: bool = True
    package: str = ""
    lease_seconds: int = LEASE_SECONDS

    @staticmethod
    def from_env(env: Mapping[str, str]) -> Settings:
        """Read NODE_NAME, MODEL_ID, TOKEN_SHA256, NODE_ENABLED ("1", "0"), PACKAGE; KeyError names what is missing."""
        return Settings(
            node=env["NODE_NAME"],
            model_id=env["MODEL_ID"].lower(),
            token_sha256=env["TOKEN_SHA256"].lower(),
            enabled=env.get("NODE_ENABLED", "1") == "1",
            package=env.get("PACKAGE", ""),
        )


@dataclass
class Request:
    """One HTTP request; header names are lower-case, `path` is decoded and has no query."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Response:
    """Status and JSON body of the answer."""

    status: int
    body: dict[str, Any]

    def json(self) -> str:
        """The body as text."""
        return json.dumps(self.body, separators=(",", ":"))


@dataclass(frozen=True)
class Run:
    """One run that was asked for: its id (what is claimed) and what the job is told."""

    id: str
    env: dict[str, str]
    scheduled: bool = False


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def handle(
    request: Request,
    settings: Settings,
    claims: Claims,
    jobs: Jobs,
    now: Callable[[], float] = time.time,
    log: Callable[[str], None] = print,
) -> Response:
    """Answer one HTTP request and log it as one JSON line, without token or keys.

    202: the job was started, or another invocation is starting it; 200: this trigger id already has its job, or health;
    4xx: the request is refused and nothing starts; 502/503: the start failed, and the same trigger id may come again.
    """
    began = now()
    route = request.path.strip("/").split("/")[0] or "/"
    line: dict[str, Any] = {"node": settings.node, "method": request.method}
    try:
        if route == "health" and request.method in ("GET", "HEAD"):
            response = Response(200, {"node": settings.node, "package": settings.package})
        else:
            run = _run_asked_for(request, settings, now)
            line["run"] = run.id
            line["test"] = run.env.get("IS_TEST") == "true"
            response = _claim_and_start(run, settings, claims, jobs, now)
    except _Refused as refused:
        response = Response(refused.status, {"status": "refused", "reason": str(refused)})
    line |= {"route": route if route in ("pred", "schedule", "health") else "other", "http": response.status}
    _log(line, response, began, now, log)
    return response


def scheduled(
    when: str,
    settings: Settings,
    claims: Claims,
    jobs: Jobs,
    now: Callable[[], float] = time.time,
    log: Callable[[str], None] = print,
) -> Response:
    """Start the run of a schedule's tick (`when`: its time, ISO 8601) that came without HTTP; answers as `handle`."""
    began = now()
    run = _scheduled_run(when, settings)
    line: dict[str, Any] = {"node": settings.node, "route": "schedule", "run": run.id, "test": False}
    try:
        if not settings.enabled:
            raise _Refused(403, f"node {settings.node} is disabled in nodes.yaml")
        response = _claim_and_start(run, settings, claims, jobs, now)
    except _Refused as refused:
        response = Response(refused.status, {"status": "refused", "reason": str(refused)})
    _log(line | {"http": response.status}, response, began, now, log)
    return response


def _log(
    line: dict[str, Any], response: Response, began: float, now: Callable[[], float], log: Callable[[str], None]
) -> None:
    line |= {k: response.body[k] for k in ("status", "reason", "job", "attempt") if k in response.body}
    line["ms"] = round((now() - began) * 1000)
    log(json.dumps(line, separators=(",", ":")))


def _run_asked_for(request: Request, settings: Settings, now: Callable[[], float]) -> Run:
    route, *rest = [part for part in request.path.split("/") if part] or [""]
    if route not in ("pred", "schedule") or not 1 <= len(rest) <= 2:
        raise _Refused(404, "expected POST /pred/<model id>")
    if request.method != "POST":
        raise _Refused(405, f"expected POST, got {request.method[:10]}")
    token = rest[1] if len(rest) == 2 else request.headers.get("x-trigger-token") or request.query.get("token") or ""
    # Numerai cannot sign its calls: the token is what keeps the public endpoint closed.
    sent = hashlib.sha256(token.encode()).hexdigest()
    if not hmac.compare_digest(sent, settings.token_sha256):
        raise _Refused(401, "the token is missing or wrong; the webhook's URL is in the stack's output `webhooks`")
    if rest[0].lower() != settings.model_id:
        raise _Refused(404, "this trigger belongs to another model")
    if not settings.enabled:
        raise _Refused(403, f"node {settings.node} is disabled in nodes.yaml")
    body = _json_body(request.body, required=route == "pred")
    if route == "schedule":
        when = request.headers.get("x-cloudscheduler-scheduletime") or body.get("scheduledTime")
        return _scheduled_run(str(when or _minute(now())), settings)
    return _webhook_run(body, settings)


def _json_body(body: bytes, required: bool) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise _Refused(413, f"the body has {len(body)} bytes, at most {MAX_BODY_BYTES} are read")
    if not body.strip() and not required:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise _Refused(400, "the body is not a JSON object")
    return value


def _webhook_run(body: dict[str, Any], settings: Settings) -> Run:
    trigger_id, round_number = body.get("triggerId"), body.get("roundNumber")
    data_version, is_test = body.get("dataVersion"), body.get("isTest")
    if not isinstance(trigger_id, str) or not _TRIGGER_ID.fullmatch(trigger_id):
        raise _Refused(400, "triggerId: expected a UUID as text")
    number = isinstance(round_number, int) and not isinstance(round_number, bool) and round_number >= 0
    if not number and round_number != "test":
        raise _Refused(400, 'roundNumber: expected a whole number or "test"')
    if data_version is not None and (not isinstance(data_version, int) or isinstance(data_version, bool)):
        raise _Refused(400, "dataVersion: expected a whole number")
    if is_test is not None and not isinstance(is_test, bool):
        raise _Refused(400, "isTest: expected true or false")
    env = {
        "TRIGGER_ID": trigger_id,
        "RUN_ID": trigger_id,
        "MODEL_ID": settings.model_id,
        "NODE_NAME": settings.node,
        "ROUND_NUMBER": str(round_number),
        "IS_TEST": "true" if is_test or round_number == "test" else "false",
    }
    if data_version is not None:
        env["DATA_VERSION"] = str(data_version)
    return Run(trigger_id, env)


def _scheduled_run(when: str, settings: Settings) -> Run:
    # No TRIGGER_ID: Numerai issued none for this run, and numerapi would send it along with the submission.
    run_id = f"schedule-{uuid.uuid5(_SCHEDULE_NAMESPACE, f'{settings.node} {when}')}"
    return Run(
        run_id,
        {"RUN_ID": run_id, "MODEL_ID": settings.model_id, "NODE_NAME": settings.node, "IS_TEST": "false"},
        scheduled=True,
    )


def _minute(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(seconds))


def _claim_and_start(run: Run, settings: Settings, claims: Claims, jobs: Jobs, now: Callable[[], float]) -> Response:
    try:
        attempt = 1
        if not _claim(run, 1, claims, now):
            held = _held(run, settings, claims, now)
            if isinstance(held, Response):
                return held
            attempt = held
            if not _claim(run, attempt, claims, now):
                return Response(202, {"status": "starting", "run": run.id, "attempt": attempt})
        return _start(run, attempt, claims, jobs, now)
    except ClaimError as error:
        return Response(503, {"status": "failed", "run": run.id, "reason": str(error)})


def _claim(run: Run, attempt: int, claims: Claims, now: Callable[[], float]) -> bool:
    return claims.create(f"{run.id}/{attempt}.claim", json.dumps({"at": now()}).encode())


def _held(run: Run, settings: Settings, claims: Claims, now: Callable[[], float]) -> Response | int:
    """The answer to a repeat, or the number of the attempt that may now be claimed."""
    names = {key.rsplit("/", 1)[-1] for key in claims.list(f"{run.id}/")}
    attempts = [int(name.split(".")[0]) for name in names if name.endswith(".claim")]
    last = max(attempts, default=1)
    for attempt in sorted(attempts, reverse=True):
        if f"{attempt}.started" in names:
            job = json.loads(claims.read(f"{run.id}/{attempt}.started"))["job"]
            return Response(200, {"status": "already started", "run": run.id, "job": job, "attempt": attempt})
    if f"{last}.failed" not in names:
        claimed = json.loads(claims.read(f"{run.id}/{last}.claim"))["at"]
        if now() - claimed < settings.lease_seconds:
            return Response(202, {"status": "starting", "run": run.id, "attempt": last})
    if last >= MAX_ATTEMPTS:
        return Response(503, {"status": "failed", "run": run.id, "reason": f"gave up after {last} attempts to start"})
    return last + 1


def _start(run: Run, attempt: int, claims: Claims, jobs: Jobs, now: Callable[[], float]) -> Response:
    try:
        job = jobs.start(f"{run.id}-{attempt}", run.env)
    except StartError as error:
        _mark(claims, f"{run.id}/{attempt}.failed", {"at": now(), "reason": str(error)})
        return Response(502, {"status": "failed", "run": run.id, "reason": str(error), "attempt": attempt})
    _mark(claims, f"{run.id}/{attempt}.started", {"at": now(), "job": job})
    return Response(202, {"status": "started", "run": run.id, "job": job, "attempt": attempt})


def _mark(claims: Claims, key: str, record: dict[str, Any]) -> None:
    # What happened has happened: a mark that cannot be written must not turn a started job into an error that invites
    # a repeat. Without it the lease decides.
    for _ in range(2):
        try:
            claims.create(key, json.dumps(record).encode())
            return
        except ClaimError:
            continue
