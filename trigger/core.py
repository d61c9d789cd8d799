"""What a region's trigger does with a request, the same on every cloud.

Like all deployed modules but the clouds' entries, it uses only the standard library. A webhook does without
`dataclasses` and `uuid`: importing them takes a tenth of a cold start on Lambda.

A trigger serves all nodes of its region, which it finds in a table. It checks the request, starts the node's job once
(`starts`), and reports what happened.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from trigger.calls import (
    RefusedError,
    Request,
    Response,
    Start,
    is_token,
    read_json,
    read_schedule,
    read_webhook,
    require_enabled,
)
from trigger.claims import REFUSED, WATCH_RUN, Claims, name_round
from trigger.starts import Cluster, Starter
from trigger.table import Row, Store, StoreError, Table

MAX_ROUNDS = 200


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
        self.claims = Claims(store, now)
        self._starter = Starter(self.claims, cluster, now, sleep)
        self._store, self._table, self._package = store, Table(store, now), package
        self._log, self._now, self._send_test = log, now, send_test
        self._refused: set[str] = set()

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
        return self._handle(line, lambda: self._starter.start(self._read_start(route, rest, request, line)))

    def run_schedule(self, model_id: str, when: str) -> Response:
        """Start the run of a schedule's time (`when`, ISO 8601) that came without HTTP. Answers as `answer` does."""
        line: dict[str, Any] = {"node": "", "route": "schedule"}

        def respond() -> Response:
            start = read_schedule(self._find_row(model_id, line), when)
            line.update(start.describe())
            require_enabled(start.row)
            return self._starter.start(start)

        return self._handle(line, respond)

    def start_round(self, row: Row, number: int, claim: int) -> Response:
        """Start the job for a round whose webhook did not lead to a submission, if this creates the round's claim.

        `claim` is the number of the claim after the last one. Answers as `answer` does.
        """
        run_id = f"{WATCH_RUN}{number}-{claim}"
        env = {"RUN_ID": run_id, "MODEL_ID": row.model_id, "NODE_NAME": row.title, "ROUND_NUMBER": str(number)}
        start = Start(row, run_id, {**env, "IS_TEST": "false"})
        line: dict[str, Any] = {"node": row.node, "route": "watch", **start.describe()}

        def respond() -> Response:
            if not self.claims.claim_round(name_round(row.node, number), claim, run_id):
                return Response(200, {"status": "starting", "run": run_id})
            return self._starter.start(start)

        return self._handle(line, respond)

    def note(self, line: Mapping[str, Any]) -> None:
        """Log a line."""
        self._log(json.dumps(line, separators=(",", ":")))

    def _handle(self, line: dict[str, Any], respond: Callable[[], Response]) -> Response:
        began = self._now()
        try:
            response = respond()
        except RefusedError as refused:
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
                self.claims.mark(key, {"at": self._now(), "http": response.status, "reason": response.body["reason"]})
        except StoreError:
            return
        self._refused.add(key)

    def _test_alerts(self, row: Row) -> Response:
        if not row.alerts or not self._send_test:
            raise RefusedError(409, f"node {row.node} has no `alerts` in nodes.yaml, or they are not deployed yet")
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

        body = read_json(request.body, required=True)
        try:
            asked = [self._name_authorised(str(model), str(token), request) for model, token in body["nodes"]]
            if not any(node for node, _ in asked):
                raise RefusedError(401, asked[0][1])
            last = max(1, int(body.get("last") or MAX_ROUNDS))
        except (LookupError, TypeError, ValueError, OverflowError):
            raise RefusedError(400, "expected `nodes`, a list of pairs of a model id and a token") from None
        rounds = read_rounds(self._store, [node for node, _ in asked if node], last)
        answers = [{"node": node, "rounds": rounds[node]} if node else {"reason": why} for node, why in asked]
        return Response(200, {"nodes": answers})

    def _name_authorised(self, model_id: str, token: str, request: Request) -> tuple[str, str]:
        """Return the node of a model id and its token, or an empty name and why its rounds are not reported."""
        try:
            # Not into the log's line: regular queries would displace the calls of the node's webhook in its log.
            return self._find_authorised([model_id, token], request, {}).node, ""
        except RefusedError as refused:
            return "", str(refused)

    def _find_row(self, model_id: str, line: dict[str, Any], token: str | None = None) -> Row:
        """Return the last row of a model, or the last one with the token if there is one."""
        rows = self._table.refresh().get(model_id.lower())
        if not rows:
            raise RefusedError(404, "no node of this region has this model")
        row = next((row for row in reversed(rows) if is_token(token, row)), rows[-1])
        line["node"] = row.node
        return row

    def _find_authorised(self, rest: list[str], request: Request, line: dict[str, Any]) -> Row:
        if not 1 <= len(rest) <= 2:
            raise RefusedError(404, "expected a path with a model id")
        token = rest[1] if len(rest) == 2 else request.headers.get("x-trigger-token") or request.query.get("token")
        row = self._find_row(rest[0], line, token)
        # Numerai cannot sign its calls: the token is what keeps the public endpoint closed.
        if not is_token(token, row):
            raise RefusedError(401, "the token is missing or wrong; the stack's output `webhooks` has the right URL")
        return row

    def _read_start(self, route: str, rest: list[str], request: Request, line: dict[str, Any]) -> Start:
        if route not in ("pred", "schedule"):
            raise RefusedError(404, "expected POST /pred/<model id>")
        if request.method != "POST":
            raise RefusedError(405, f"expected POST, got {request.method[:10]}")
        row = self._find_authorised(rest, request, line)
        require_enabled(row)
        body = read_json(request.body, required=route == "pred")
        if route == "pred":
            start = read_webhook(row, body)
        else:
            when = request.headers.get("x-cloudscheduler-scheduletime") or body.get("scheduledTime")
            this_minute = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(self._now()))
            start = read_schedule(row, str(when or this_minute))
        line |= start.describe()
        return start
