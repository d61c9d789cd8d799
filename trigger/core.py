"""What a region's trigger does with a request, the same on every cloud.

Uses only the standard library, since this file is deployed as it is. Does without `dataclasses` and, for a webhook,
`uuid`: importing them takes a tenth of a cold start on Lambda.

A trigger serves all nodes of its region, which it finds in a table. It checks the request, claims its trigger id by one
atomic creation in object storage, starts the node's job, and reports what happened. The claims of one trigger id are an
append-only series: `1.claim`, then `1.started` or `1.failed`, then `2.claim` and so on. Attempt n+1 can be claimed if
attempt n is marked as failed, or if its lease has expired without a start because the trigger died. Before it starts a
job, a later attempt looks up whether an earlier one did. So repeating a request repairs a failed start and never starts
a second job.

The starts of a round have a series too, `round-N/1.claim` and so on, so that the watch (`watch`) and a late webhook
never both start the round's job.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeGuard
from urllib.parse import quote, unquote

MAX_BODY_BYTES = 64 * 1024
MAX_ATTEMPTS, MAX_ROUNDS = 20, 200
# Longer than the time-outs of the functions (at most 60 s): the holder of an expired lease is dead.
LEASE_SECONDS = 120
# A trigger reads its table at most once in this time, so a flood of calls costs almost nothing.
TABLE_SECONDS = 5
PAUSES = (0.5, 1.5)
"""Seconds before the second and third try of a call that was temporarily refused."""
# Not the beginnings of names that the trigger itself gives: a call could take a round's claims, or pass for the watch.
_TRIGGER_ID = re.compile(r"(?!round-|schedule-|watch-|partner-)[A-Za-z0-9][A-Za-z0-9_-]{7,63}")
_SCHEDULE_NAMESPACE = "0f4b1a9e-6f1d-5f0a-9d53-2f1f3a6c8e11"
WATCH_RUN, SCHEDULE_RUN = "watch-", "schedule-"
"""How the ids of the runs that the watch and schedules start begin."""
PARTNER_RUN = "partner-"
"""How the claims of a round begin that a trigger creates for a run of the node's partner (`partner`)."""
REFUSED = "_refused"
"""The folder below NODE/ of the days on which calls were refused, for `alerts`. No trigger id begins with `_`."""


class StoreError(Exception):
    """The store could not be read or written. The sentence says why and can be logged."""


class StartError(Exception):
    """The cluster did not start the job. The sentence says why and can be logged.

    `unclear`: the job may have been started, because the answer was lost. `busy`: the cluster refused for the moment.
    """

    def __init__(self, reason: str, *, unclear: bool = False, busy: bool = False) -> None:
        super().__init__(reason)
        self.unclear, self.busy = unclear, busy


# The columns of earlier versions. Later ones are left out if they are empty, so that a new version changes few rows.
_FORMER_COLUMNS, _USUAL_COLUMNS = 8, 11


class Row(NamedTuple):
    """A node in the table: its model, the SHA-256 of its token (never the token), and its job.

    `queue` is empty on clouds without queues. `cron` and `timezone` are empty on clouds whose scheduler calls the
    trigger, and for nodes without a schedule. `tournament`, `watch` and `keys` are for the watch (`watch`): `keys` is
    the reference of the account's keys, never a key. `primary` and `partner` are for a node and its rescue (`partner`).
    """

    model_id: str
    node: str
    token_sha256: str
    job: str
    queue: str = ""
    enabled: str = "yes"
    """yes or no"""
    cron: str = ""
    timezone: str = ""
    tournament: str = ""
    watch: str = ""
    """seconds-repeats; empty if the node is not watched"""
    keys: str = ""
    primary: str = ""
    """the node that this row's node rescues; empty if it is no rescue"""
    partner: str = ""
    """the URL of the trigger of the node's rescue, or of the node that it rescues"""
    alerts: str = ""
    """For `alerts`: the job's time limit and the references of where alerts go, never an address"""

    @property
    def title(self) -> str:
        """The node's name in nodes.yaml, which the container gets as NODE_NAME."""
        return self.primary or self.node

    def write_key(self) -> str:
        """Return the row as the name of an object, in which slashes separate the columns."""
        values = list(self)
        while len(values) > _USUAL_COLUMNS and not values[-1]:
            values.pop()
        return "/".join(quote(value, safe="") or "-" for value in values)

    @staticmethod
    def read_key(key: str) -> Row | None:
        """Return the row that a name stands for; an earlier version's has fewer columns. None for other names."""
        values = ["" if value == "-" else unquote(value) for value in key.split("/")]
        return Row(*values) if _FORMER_COLUMNS <= len(values) <= len(Row._fields) else None

    @staticmethod
    def read_columns(columns: Mapping[str, str]) -> Row | None:
        """Return the row with these columns. None if one without a default is missing. Ignores other columns."""
        try:
            return Row(**{column: columns[column] for column in Row._fields if column in columns})
        except TypeError:
            return None


class Store(Protocol):
    """The region's object storage: the table, and below NODE/ the claims, which can be created but not changed."""

    def read_rows(self) -> Iterable[Row]:
        """Return the table's rows. If a model has several, the last one with the right token counts.

        A renamed node has a new token. Until its new webhook is at Numerai, the old row serves the old webhook.
        Raises StoreError.
        """

    def create(self, key: str, body: bytes) -> bool:
        """Create one object atomically; False if it existed before. Raises StoreError.

        If an attempt may have succeeded although its answer was lost, compares the object that exists with `body`.
        """

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`. Raises StoreError."""

    def read(self, key: str) -> bytes:
        """Return the body of an object that exists. Raises StoreError."""


class Cluster(Protocol):
    """The compute cluster, as the trigger sees it."""

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        """Start the node's job with these additional variables and return the job's id. Raises StartError."""

    def find(self, row: Row, run_id: str) -> str | None:
        """Return the id of the job that was started with this RUN_ID; None if there is none. Raises StartError."""


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


class _Start(NamedTuple):
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


class _RefusedError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Table:
    """The rows by model id, read again when they are older than TABLE_SECONDS. Safe to use from several threads."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store, self._now = store, now
        self._lock = threading.Lock()
        self._rows: dict[str, list[Row]] | None = None
        self._tried: float | None = None
        self._error: StoreError | None = None

    def refresh(self) -> Mapping[str, list[Row]]:
        """Return the rows. If the table cannot be read, returns the last ones; raises StoreError if there are none."""
        with self._lock:
            if self._tried is None or not 0 <= self._now() - self._tried < TABLE_SECONDS:
                self._tried = self._now()
                try:
                    rows: dict[str, list[Row]] = {}
                    for row in self._store.read_rows():
                        rows.setdefault(row.model_id.lower(), []).append(row)
                    self._rows = rows
                except StoreError as error:
                    self._error = error
            if self._rows is None:
                raise StoreError(str(self._error))
            return self._rows


class Trigger:
    """Answers the requests of one region."""

    def __init__(
        self,
        store: Store,
        cluster: Cluster,
        package: str = "",
        log: Callable[[str], None] = print,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        send_test: Callable[[Row], dict[str, str]] | None = None,
    ) -> None:
        """`package` is the digest of the deployed archive, which GET /health returns.

        `send_test` sends a test of a node's alerts and returns `sent`, or why not, by channel.
        """
        self._store, self._cluster, self._package = store, cluster, package
        self._log, self._now, self._sleep, self._send_test = log, now, sleep, send_test
        self._refused: set[str] = set()
        self._table = Table(store, now)

    def list_rows(self) -> list[Row]:
        """Return the last row of each model. Raises StoreError."""
        return [rows[-1] for rows in self._table.refresh().values()]

    def answer(self, request: Request) -> Response:
        """Answer one HTTP request and log it as one JSON line, without token or keys.

        202: the job was started, or another invocation is starting it. 200: this trigger id already has its job, or the
        health is good, or these are the nodes' rounds. 4xx: the request is refused, and nothing starts. 502, 503: the
        start failed, and the same trigger id may be sent again.
        """
        route, *rest = [part for part in request.path.split("/") if part] or [""]
        line: dict[str, Any] = {"node": "", "method": request.method}
        line["route"] = route if route in ("pred", "schedule", "health", "rounds", "alerts") else "other"
        if route == "health" and request.method in ("GET", "HEAD"):
            return self._handle(line, lambda: self._report_health(rest, line))
        if route == "rounds" and request.method == "POST":
            return self._handle(line, lambda: self._report_rounds(request, line))
        if route == "alerts" and request.method == "POST":
            return self._handle(line, lambda: self._test_alerts(self._find_authorised(rest, request, line)))
        return self._handle(line, lambda: self._claim_and_start(self._read_start(route, rest, request, line)))

    def run_schedule(self, model_id: str, when: str) -> Response:
        """Start the run of a schedule's time (`when`, ISO 8601) that came without HTTP. Answers as `answer` does."""
        line: dict[str, Any] = {"node": "", "route": "schedule"}

        def respond() -> Response:
            start = _read_schedule(self._find_row(model_id, line), when)
            line.update(start.describe())
            _require_enabled(start.row)
            return self._claim_and_start(start)

        return self._handle(line, respond)

    def start_round(self, row: Row, number: int, claim: int) -> Response:
        """Start the job for a round whose webhook did not lead to a submission, if this creates the round's claim.

        `claim` is the number of the claim after the last one. Answers as `answer` does.
        """
        run_id = f"{WATCH_RUN}{number}-{claim}"
        env = {"RUN_ID": run_id, "MODEL_ID": row.model_id, "NODE_NAME": row.title, "ROUND_NUMBER": str(number)}
        start = _Start(row, run_id, {**env, "IS_TEST": "false"})
        line: dict[str, Any] = {"node": row.node, "route": "watch", **start.describe()}

        def respond() -> Response:
            if not self.claim_round(name_round(row.node, number), claim, run_id):
                return Response(200, {"status": "starting", "run": run_id})
            return self._claim_and_start(start)

        return self._handle(line, respond)

    def claim_round(self, folder: str, number: int, run_id: str) -> bool:
        """Create a round's claim for a run; False if it existed. Raises StoreError."""
        return self.write_mark(f"{folder}{number}.claim", {"at": self._now(), "run": run_id})

    def read_claims(self, folder: str, names: Iterable[str]) -> dict[int, dict[str, Any]]:
        """Return the claims among the names of a round's marks, by their number. Raises StoreError."""
        claims = [name for name in names if name.endswith(".claim")]
        return {int(name.partition(".")[0]): json.loads(self.read_mark(folder + name)) for name in claims}

    def list_marks(self, prefix: str) -> list[str]:
        """Return the keys of claims and marks that begin with `prefix`. Raises StoreError."""
        return self._store.list(prefix)

    def read_mark(self, key: str) -> bytes:
        """Return a claim or mark that exists. Raises StoreError."""
        return self._store.read(key)

    def write_mark(self, key: str, record: Mapping[str, Any]) -> bool:
        """Create a mark; False if it existed. Raises StoreError."""
        return self._store.create(key, json.dumps({**record, "by": os.urandom(16).hex()}).encode())

    def note(self, line: Mapping[str, Any]) -> None:
        """Log a line."""
        self._log(json.dumps(line, separators=(",", ":")))

    def _handle(self, line: dict[str, Any], respond: Callable[[], Response]) -> Response:
        began = self._now()
        try:
            response = respond()
        except _RefusedError as refused:
            response = Response(refused.status, {"status": "refused", "reason": str(refused)})
            self._mark_refusal(line, response)
        except StoreError as error:
            response = Response(503, {"status": "failed", "reason": str(error)})
        line["http"] = response.status
        line |= {key: response.body[key] for key in ("status", "reason", "job", "attempt") if key in response.body}
        line["ms"] = round((self._now() - began) * 1000)
        self._log(json.dumps(line, separators=(",", ":")))
        return response

    def _mark_refusal(self, line: Mapping[str, Any], response: Response) -> None:
        """Mark that a call of a node's webhook was refused, once per day and process, if the node has alerts."""
        key = f"{line['node']}/{REFUSED}/{time.strftime('%Y-%m-%d', time.gmtime(self._now()))}.seen"
        # Calls of a disabled node are refused because its owner says so.
        if not line["node"] or line["route"] != "pred" or response.status == 403 or key in self._refused:
            return
        try:
            if any(row.node == line["node"] and row.alerts for row in self.list_rows()):
                self._mark(key, {"at": self._now(), "http": response.status, "reason": response.body["reason"]})
        except StoreError:
            return
        self._refused.add(key)

    def _test_alerts(self, row: Row) -> Response:
        if not row.alerts or not self._send_test:
            raise _RefusedError(409, f"node {row.node} has no `alerts` in nodes.yaml, or they are not deployed yet")
        channels = self._send_test(row)
        status = "sent" if set(channels.values()) == {"sent"} else "failed"
        return Response(200 if status == "sent" else 502, {"status": status, "channels": channels})

    def _report_health(self, rest: list[str], line: dict[str, Any]) -> Response:
        if not rest:
            return Response(200, {"package": self._package})
        return Response(200, {"node": self._find_row(rest[0], line).node, "package": self._package})

    def _report_rounds(self, request: Request, line: dict[str, Any]) -> Response:
        """Return the last rounds of several nodes, in the order of the body's `nodes`: pairs of model id and token."""
        # Imported here, because a webhook's cold start does not need it.
        from trigger.history import read_rounds

        body = _read_json(request.body, required=True)
        try:
            asked = [self._name_authorised(str(model), str(token), request) for model, token in body["nodes"]]
            if not any(node for node, _ in asked):
                raise _RefusedError(401, asked[0][1])
            last = max(1, int(body.get("last") or MAX_ROUNDS))
        except (LookupError, TypeError, ValueError, OverflowError):
            raise _RefusedError(400, "expected `nodes`, a list of pairs of a model id and a token") from None
        rounds = read_rounds(self._store, [node for node, _ in asked if node], last)
        answers = [{"node": node, "rounds": rounds[node]} if node else {"reason": why} for node, why in asked]
        return Response(200, {"nodes": answers})

    def _name_authorised(self, model_id: str, token: str, request: Request) -> tuple[str, str]:
        """Return the node of a model id and its token, or an empty name and why its rounds are not reported."""
        try:
            # Not into the log's line: regular queries would displace the calls of the node's webhook in its log.
            return self._find_authorised([model_id, token], request, {}).node, ""
        except _RefusedError as refused:
            return "", str(refused)

    def _find_row(self, model_id: str, line: dict[str, Any], token: str | None = None) -> Row:
        """Return the last row of a model, or the last one with the token if there is one."""
        rows = self._table.refresh().get(model_id.lower())
        if not rows:
            raise _RefusedError(404, "no node of this region has this model")
        row = next((row for row in reversed(rows) if _is_token(token, row)), rows[-1])
        line["node"] = row.node
        return row

    def _find_authorised(self, rest: list[str], request: Request, line: dict[str, Any]) -> Row:
        if not 1 <= len(rest) <= 2:
            raise _RefusedError(404, "expected a path with a model id")
        token = rest[1] if len(rest) == 2 else request.headers.get("x-trigger-token") or request.query.get("token")
        row = self._find_row(rest[0], line, token)
        # Numerai cannot sign its calls: the token is what keeps the public endpoint closed.
        if not _is_token(token, row):
            raise _RefusedError(401, "the token is missing or wrong; the stack's output `webhooks` has the right URL")
        return row

    def _read_start(self, route: str, rest: list[str], request: Request, line: dict[str, Any]) -> _Start:
        if route not in ("pred", "schedule"):
            raise _RefusedError(404, "expected POST /pred/<model id>")
        if request.method != "POST":
            raise _RefusedError(405, f"expected POST, got {request.method[:10]}")
        row = self._find_authorised(rest, request, line)
        _require_enabled(row)
        body = _read_json(request.body, required=route == "pred")
        if route == "pred":
            start = _read_webhook(row, body)
        else:
            when = request.headers.get("x-cloudscheduler-scheduletime") or body.get("scheduledTime")
            this_minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(self._now()))
            start = _read_schedule(row, str(when or this_minute))
        line |= start.describe()
        return start

    def _claim_and_start(self, start: _Start) -> Response:
        attempt = 1
        if not self._claim(start, attempt):
            allowed = self._find_next_attempt(start)
            if isinstance(allowed, Response):
                return allowed
            attempt = allowed
            if not self._claim(start, attempt):
                return Response(202, {"status": "starting", "run": start.run_id, "attempt": attempt})
        return self._start(start, attempt)

    def _claim(self, start: _Start, attempt: int) -> bool:
        # Without a unique claimant, a store could not tell its own repeated creation from another trigger's.
        return self.write_mark(start.name_claim(f"{attempt}.claim"), {"at": self._now()})

    def _find_next_attempt(self, start: _Start) -> Response | int:
        """Return the number of the attempt that can be claimed now, or the answer to a repeated request."""
        names = {key.rsplit("/", 1)[-1] for key in self._store.list(start.name_claim(""))}
        attempts = sorted((int(name.split(".")[0]) for name in names if name.endswith(".claim")), reverse=True)
        last = max(attempts, default=1)
        for attempt in attempts:
            if f"{attempt}.started" in names:
                job = json.loads(self._store.read(start.name_claim(f"{attempt}.started")))["job"]
                return Response(200, {"status": "already started", "run": start.run_id, "job": job, "attempt": attempt})
        failed = f"{last}.failed"
        unclear = failed in names and json.loads(self._store.read(start.name_claim(failed))).get("unclear")
        if failed not in names or unclear:
            claimed = json.loads(self._store.read(start.name_claim(f"{last}.claim")))["at"]
            if self._now() - claimed < LEASE_SECONDS:
                answer = {"run": start.run_id, "attempt": last}
                return self._settle(start, answer) if unclear else Response(202, {"status": "starting", **answer})
        if last >= MAX_ATTEMPTS:
            reason = f"gave up after {last} attempts to start"
            return Response(503, {"status": "failed", "run": start.run_id, "reason": reason})
        return last + 1

    def _settle(self, start: _Start, answer: dict[str, Any]) -> Response:
        """Look for the job of a start whose answer was lost."""
        try:
            job = self._cluster.find(start.row, start.run_id)
        except StartError as error:
            return Response(502, {"status": "failed", "reason": str(error), **answer})
        if job:
            self._mark(start.name_claim(f"{answer['attempt']}.started"), {"at": self._now(), "job": job})
            return Response(202, {"status": "started", "job": job, **answer})
        reason = "the job is not listed yet; repeat the call in two minutes"
        return Response(503, {"status": "failed", "reason": reason, **answer})

    def _start(self, start: _Start, attempt: int) -> Response:
        answer = {"run": start.run_id, "attempt": attempt}
        try:
            # A start that was reported as failed, or not at all, may have succeeded.
            job = self._cluster.find(start.row, start.run_id) if attempt > 1 else None
            if not job:
                other = self._enter_round(start)
                if other:
                    who = "the node's partner" if other.startswith(PARTNER_RUN) else "the watch"
                    reason = f"{who} has started the round's job ({other})"
                    return Response(200, {"status": "already started", "reason": reason, **answer})
                job = self._start_once(start, attempt)
        except StartError as error:
            record = {"at": self._now(), "reason": str(error), **({"unclear": True} if error.unclear else {})}
            self._mark(start.name_claim(f"{attempt}.failed"), record)
            return Response(502, {"status": "failed", "reason": str(error), **answer})
        self._mark(start.name_claim(f"{attempt}.started"), {"at": self._now(), "job": job})
        return Response(202, {"status": "started", "job": job, **answer})

    def _enter_round(self, start: _Start) -> str | None:
        """Create the start's claim of its round. If the watch or the partner has the last one, return its run's id."""
        if not start.round_folder:
            return None
        number = 1
        while not self.claim_round(start.round_folder, number, start.run_id):
            names = (key.rsplit("/", 1)[-1] for key in self._store.list(start.round_folder))
            number = max((int(name.split(".")[0]) for name in names if name.endswith(".claim")), default=number)
            holder = str(json.loads(self._store.read(f"{start.round_folder}{number}.claim"))["run"])
            if holder.startswith((WATCH_RUN, PARTNER_RUN)):
                return holder
            number += 1
        return None

    def _start_once(self, start: _Start, attempt: int) -> str:
        """Start the job. If the answer is lost, look the job up before trying again. Raises StartError."""
        for pause in (*PAUSES, None):
            try:
                return self._cluster.start(start.row, f"{start.run_id}-{attempt}", start.env)
            except StartError as error:
                try:
                    job = self._look_up(start) if error.unclear else None
                except StartError:
                    raise error from None
                if job:
                    return job
                if pause is None or not error.busy:
                    raise
                self._sleep(pause)
        raise AssertionError("unreachable")

    def _look_up(self, start: _Start) -> str | None:
        # The list of jobs may lag behind; for longer, the lease delays the next attempt.
        for pause in (*PAUSES, None):
            job = self._cluster.find(start.row, start.run_id)
            if job or pause is None:
                return job
            self._sleep(pause)
        return None

    def _mark(self, key: str, record: dict[str, Any]) -> None:
        # A missing mark must not turn a started job into an error, which would invite a repeat: without a mark, the
        # lease decides, and the next attempt looks the job up.
        for _ in range(2):
            try:
                self._store.create(key, json.dumps(record).encode())
                return
            except StoreError:
                continue


def read_run_id(containers: Iterable[Mapping[str, Any]]) -> str:
    """Return RUN_ID among the variables of an execution's containers on Cloud Run or Azure; empty without it."""
    variables = (variable for container in containers for variable in container.get("env") or ())
    return next((str(each.get("value")) for each in variables if each["name"] == "RUN_ID"), "")


def name_round(node: str, number: int) -> str:
    """Return the folder of the claims and marks of a node's round."""
    return f"{node}/round-{number}/"


def _is_token(token: str | None, row: Row) -> bool:
    return hmac.compare_digest(hashlib.sha256((token or "").encode()).hexdigest(), row.token_sha256)


def _require_enabled(row: Row) -> None:
    if row.enabled != "yes":
        raise _RefusedError(403, f"node {row.node} is disabled in nodes.yaml")


def _read_json(body: bytes, required: bool) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise _RefusedError(413, f"the body has {len(body)} bytes, at most {MAX_BODY_BYTES} are read")
    if not body.strip() and not required:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise _RefusedError(400, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise _RefusedError(400, "the body is not a JSON object")
    return value


def _read_webhook(row: Row, body: dict[str, Any]) -> _Start:
    trigger_id, round_number = body.get("triggerId"), body.get("roundNumber")
    data_version, is_test = body.get("dataVersion"), body.get("isTest")
    if not isinstance(trigger_id, str) or not _TRIGGER_ID.fullmatch(trigger_id):
        raise _RefusedError(400, "triggerId: expected a UUID as text")
    number = _is_whole(round_number) and round_number >= 0
    if not number and round_number != "test":
        raise _RefusedError(400, 'roundNumber: expected a whole number or "test"')
    if data_version is not None and not _is_whole(data_version):
        raise _RefusedError(400, "dataVersion: expected a whole number")
    if is_test is not None and not isinstance(is_test, bool):
        raise _RefusedError(400, "isTest: expected true or false")
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
    return _Start(row, trigger_id, env, name_round(row.node, int(str(round_number))) if real else "")


def _is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number of up to nine digits. More digits would not fit into an object's name."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9


def _read_schedule(row: Row, when: str) -> _Start:
    # No TRIGGER_ID: Numerai issued none for this run, and numerapi would send it along with the submission.
    import uuid

    run_id = f"{SCHEDULE_RUN}{uuid.uuid5(uuid.UUID(_SCHEDULE_NAMESPACE), f'{row.node} {when}')}"
    return _Start(row, run_id, {"RUN_ID": run_id, "MODEL_ID": row.model_id, "NODE_NAME": row.title, "IS_TEST": "false"})
