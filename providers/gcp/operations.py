"""Queries Google Cloud about a node: the executions of its Cloud Run job, and the logs of its container and trigger.

Calls go to the global host of the Cloud Run Admin API, as the trigger's do. A project may read log entries only sixty
times a minute, so the pause between two reads of a followed log is a few seconds.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx

from providers.gcp.identity import Identity
from providers.operations import (
    STOPPED,
    UNREACHED,
    Configured,
    LogLine,
    NodeFacts,
    NodeOperations,
    OperationsError,
    Refused,
    Run,
    State,
    read_time,
    read_variables,
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
        try:
            answer = self._http.request(method, url, json=body, headers=headers)
            if answer.status_code == 403 and "quota project" in answer.text:
                # A person's credentials belong to no project, so the call is charged to the node's project.
                answer = self._http.request(method, url, json=body, headers={**headers, "x-goog-user-project": project})
            if answer.is_success:
                return answer.json() if answer.content else {}
        except httpx.HTTPError as error:
            raise OperationsError(
                f"Google Cloud could not be reached to {what} ({type(error).__name__}). {UNREACHED}"
            ) from error
        except ValueError as error:
            raise OperationsError(f"Google Cloud's answer to a request to {what} was not JSON.") from error
        sentence = f"Google Cloud refused to {what}: HTTP {answer.status_code} {_read_message(answer)}".rstrip()
        raise Refused(sentence, *_read_reason(answer))

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
        clauses += [f'logName:"projects/{self._project}/logs/run.googleapis.com"', f'timestamp>="{_stamp(since)}"']
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
    variables = read_variables(containers[0].get("env"))
    state, reason = _read_state(execution)
    return Run(
        id=execution["name"].rsplit("/", 1)[-1],
        state=state,
        created=read_time(execution.get("createTime")) or datetime.now(UTC),
        reason=reason,
        started=read_time(execution.get("startTime")),
        stopped=read_time(execution.get("completionTime")),
        trigger_id=variables.get("TRIGGER_ID", ""),
        round=variables.get("ROUND_NUMBER", ""),
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


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _read_message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"]).strip()
    except (ValueError, KeyError, TypeError):
        return ""


def _read_reason(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return the reason (such as SERVICE_DISABLED) and its metadata or, without one, the status (such as NOT_FOUND)."""
    try:
        error = answer.json()["error"]
        for info in error.get("details") or []:
            if str(info.get("@type", "")).endswith("google.rpc.ErrorInfo"):
                return str(info["reason"]), {key: str(value) for key, value in (info.get("metadata") or {}).items()}
        return str(error.get("status") or answer.status_code), {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(answer.status_code), {}
