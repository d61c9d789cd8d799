"""Queries Google Cloud about a node: the executions of its Cloud Run job, and the logs of its container and trigger.

Calls go to the global host of the Cloud Run Admin API, as the trigger's do. A project may read log entries only sixty
times a minute, so the pause between two reads of a followed log is a few seconds.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx

from providers import json_api
from providers.gcp.identity import Identity
from providers.json_api import write_time
from providers.operations import (
    STOPPED,
    Configured,
    LogLine,
    NodeFacts,
    NodeOperations,
    Run,
    State,
    read_origin,
    read_time,
)

_RUN = "https://run.googleapis.com/v2"
_ENTRIES = "https://logging.googleapis.com/v2/entries:list"
_TIMEOUT = 30
_PAGE = 1000
_PAGES = 20
_DAYS = 30  # retention of the default log bucket
_PAYLOADS = ("textPayload", "jsonPayload", "protoPayload")


class Account:
    """The stack's identity on Google Cloud. Ignores `region`, which every resource name contains."""

    def __init__(self, configured: Configured, region: str) -> None:
        self._identity, self._http = Identity(configured), httpx.Client(timeout=_TIMEOUT)

    def call(self, what: str, method: str, url: str, project: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON answer to a call. `what` completes "Google Cloud refused to ...".

        Raises OperationsError, and Refused with the reason in Google's ErrorInfo.
        """
        headers = self._identity.headers(method, url)

        def send() -> httpx.Response:
            answer = self._http.request(method, url, json=body, headers=headers)
            if answer.status_code != 403 or "quota project" not in answer.text:
                return answer
            # A person's credentials belong to no project, so the call is charged to the node's project.
            return self._http.request(method, url, json=body, headers={**headers, "x-goog-user-project": project})

        return json_api.call("Google Cloud", what, send, _explain)

    def node(self, facts: NodeFacts) -> NodeOperations:
        """Return the operations of a node."""
        return GcpNode(facts, self)


class GcpNode(NodeOperations):
    """The operations of a node. Uses its fact `trigger` (the function's resource name), and its job's resource name."""

    poll_seconds: ClassVar[float] = 3.0
    lag_seconds: ClassVar[float] = 15.0

    def __init__(self, facts: NodeFacts, account: Account) -> None:
        self._facts, self._account = facts, account
        _, self._project, _, self._location, _, self._job = facts.job.split("/")

    def runs(self, limit: int = 10) -> list[Run]:
        page = self._call("list the node's executions", "GET", f"{_RUN}/{self._facts.job}/executions?pageSize={limit}")
        runs = [_run(execution) for execution in page.get("executions") or []]
        return sorted(runs, key=lambda run: run.created, reverse=True)[:limit]

    def run(self, run_id: str) -> Run:
        return _run(self._call("describe the execution", "GET", f"{_RUN}/{self._facts.job}/executions/{run_id}"))

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        labels = {
            "resource.type": "cloud_run_job",
            "resource.labels.job_name": self._job,
            "resource.labels.location": self._location,
            'labels."run.googleapis.com/execution_name"': run.id,
        }
        return self._read_lines("read the job's log", labels, since or run.created - timedelta(minutes=1), limit)

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        labels = {
            "resource.type": "cloud_run_revision",
            "resource.labels.service_name": self._facts.require("trigger").rsplit("/", 1)[-1],
            "resource.labels.location": self._location,
            # The region's nodes share the trigger; each of its lines names the node.
            "jsonPayload.node": self._facts.name,
        }
        since = since or datetime.now(UTC) - timedelta(days=_DAYS)
        return self._read_lines("read the trigger's log", labels, since, limit)

    def stop(self, run: Run) -> None:
        self._call("cancel the execution", "POST", f"{_RUN}/{self._facts.job}/executions/{run.id}:cancel", {})

    def _read_lines(self, what: str, labels: dict[str, str], since: datetime, limit: int) -> list[LogLine]:
        clauses = [f'{key}="{value}"' for key, value in labels.items()]
        # The output of the process and Cloud Run's messages about it, but not the audit log. Without a time, the API
        # would search the last day only.
        clauses += [f'logName:"projects/{self._project}/logs/run.googleapis.com"', f'timestamp>="{write_time(since)}"']
        body: dict[str, Any] = {
            "resourceNames": [f"projects/{self._project}"],
            "filter": " AND ".join(clauses),
            "orderBy": "timestamp desc",
            "pageSize": min(limit, _PAGE),
        }
        lines: list[LogLine] = []
        for _ in range(_PAGES):
            page = self._call(what, "POST", _ENTRIES, body)
            lines += [_line(entry) for entry in page.get("entries") or [] if any(key in entry for key in _PAYLOADS)]
            if len(lines) >= limit or not page.get("nextPageToken"):
                break
            body["pageToken"] = page["nextPageToken"]
        return lines[:limit][::-1]

    def _call(self, what: str, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        return self._account.call(what, method, url, self._project, body)


def _run(execution: dict[str, Any]) -> Run:
    containers = (execution.get("template") or {}).get("containers") or [{}]
    state, reason = _read_state(execution)
    return Run(
        id=execution["name"].rsplit("/", 1)[-1],
        state=state,
        created=read_time(execution.get("createTime")) or datetime.now(UTC),
        reason=reason,
        started=read_time(execution.get("startTime")),
        stopped=read_time(execution.get("completionTime")),
        **read_origin(containers[0].get("env")),
    )


def _read_state(execution: dict[str, Any]) -> tuple[State, str]:
    """Return the state and, for a failed or cancelled execution, the reason."""
    conditions = {condition.get("type"): condition for condition in execution.get("conditions") or []}
    completed = conditions.get("Completed") or {}
    reason = str(completed.get("message") or "").strip()
    if execution.get("cancelledCount") or completed.get("executionReason") == "CANCELLED":
        return State.CANCELLED, reason or STOPPED
    if completed.get("state") == "CONDITION_SUCCEEDED":
        return State.SUCCEEDED, ""
    if completed.get("state") == "CONDITION_FAILED":
        return State.FAILED, reason
    if execution.get("runningCount") or (conditions.get("Started") or {}).get("state") == "CONDITION_SUCCEEDED":
        return State.RUNNING, ""
    return (State.STARTING if execution.get("startTime") else State.PENDING), ""


def _line(entry: dict[str, Any]) -> LogLine:
    moment = read_time(entry.get("timestamp") or entry.get("receiveTimestamp")) or datetime.now(UTC)
    # Cloud Logging parses a line of JSON into an object.
    text = entry.get("textPayload")
    if text is None:
        payload = entry.get("jsonPayload") or entry.get("protoPayload") or {}
        plain = payload.keys() <= {"message"} and payload
        text = str(payload["message"]) if plain else json.dumps(payload, separators=(",", ":"))
    return LogLine(moment, text.rstrip("\n"), f"{entry.get('timestamp')} {entry.get('insertId')}")


def _explain(error: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Return the message, the reason (such as SERVICE_DISABLED) and its metadata; the status without a reason."""
    message = str(error.get("message", "")).strip()
    for info in error.get("details") or []:
        if str(info.get("@type", "")).endswith("google.rpc.ErrorInfo"):
            facts = {key: str(value) for key, value in (info.get("metadata") or {}).items()}
            return message, str(info.get("reason", "")), facts
    return message, str(error.get("status") or ""), {}
