"""A node on Google Cloud: the executions of its Cloud Run job, Cloud Logging's entries of container and trigger.

The Admin API's host for all regions is asked, as the trigger does. Reading entries is limited to sixty requests a
minute for a whole project, so a log that is followed is looked at every few seconds only.
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
    variables,
    when,
)

_RUN = "https://run.googleapis.com/v2"
_ENTRIES = "https://logging.googleapis.com/v2/entries:list"
_TIMEOUT = 30
_PAGE = 1000
_PAGES = 20
_DAYS = 30  # what the log's default bucket keeps
_PAYLOADS = ("textPayload", "jsonPayload", "protoPayload")


class Account:
    """The stack's identity at Google; `region` is in every name already."""

    def __init__(self, configured: Configured, region: str) -> None:
        self._identity, self._http = Identity(configured), httpx.Client(timeout=_TIMEOUT)

    def call(self, what: str, method: str, url: str, project: str, body: dict[str, Any] | None = None) -> Any:
        """A call's answer as JSON. Raises OperationsError; Refused with the reason in Google's ErrorInfo."""
        headers = self._identity.headers(method, url)
        try:
            answer = self._http.request(method, url, json=body, headers=headers)
            if answer.status_code == 403 and "quota project" in answer.text:
                # A person's own sign-in belongs to no project: the node's is the one to count the call for.
                answer = self._http.request(method, url, json=body, headers={**headers, "x-goog-user-project": project})
            if answer.is_success:
                return answer.json() if answer.content else {}
        except httpx.HTTPError as error:
            raise OperationsError(
                f"Google Cloud could not be asked to {what} ({type(error).__name__}). {UNREACHED}"
            ) from error
        except ValueError as error:
            raise OperationsError(f"Google Cloud answered something else than JSON when asked to {what}.") from error
        sentence = f"Google Cloud refused to {what}: HTTP {answer.status_code} {_told(answer)}".rstrip()
        raise Refused(sentence, *_why(answer))

    def node(self, facts: NodeFacts) -> NodeOperations:
        """A node's operations."""
        return GcpNode(facts, self)


class GcpNode(NodeOperations):
    """Reads `trigger` (the function's resource name) of the node; its job's name has project and region."""

    poll_seconds: ClassVar[float] = 3.0
    lag_seconds: ClassVar[float] = 15.0

    def __init__(self, facts: NodeFacts, account: Account) -> None:
        self._facts, self._account = facts, account
        _, self._project, _, self._location, _, self._job = facts.job.split("/")

    def runs(self, limit: int = 10) -> list[Run]:
        found = self._ask("list the node's executions", "GET", f"{_RUN}/{self._facts.job}/executions?pageSize={limit}")
        runs = [_run(each) for each in found.get("executions") or []]
        return sorted(runs, key=lambda run: run.created, reverse=True)[:limit]

    def run(self, run_id: str) -> Run:
        return _run(self._ask("describe the execution", "GET", f"{_RUN}/{self._facts.job}/executions/{run_id}"))

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        wanted = {
            "resource.type": "cloud_run_job",
            "resource.labels.job_name": self._job,
            "resource.labels.location": self._location,
            'labels."run.googleapis.com/execution_name"': run.id,
        }
        return self._lines("read the job's log", wanted, since or run.created - timedelta(minutes=1), limit)

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        wanted = {
            "resource.type": "cloud_run_revision",
            "resource.labels.service_name": self._facts.named("trigger").rsplit("/", 1)[-1],
            "resource.labels.location": self._location,
        }
        since = since or datetime.now(UTC) - timedelta(days=_DAYS)
        return self._lines("read the trigger's log", wanted, since, limit)

    def stop(self, run: Run) -> None:
        self._ask("cancel the execution", "POST", f"{_RUN}/{self._facts.job}/executions/{run.id}:cancel", {})

    def _lines(self, what: str, wanted: dict[str, str], since: datetime, limit: int) -> list[LogLine]:
        clauses = [f'{key}="{value}"' for key, value in wanted.items()]
        # What the process prints and what Cloud Run says of it; not the audit log.
        clauses += [f'logName:"projects/{self._project}/logs/run.googleapis.com"', f'timestamp>="{_stamp(since)}"']
        # Without a time the default is a day.
        body: dict[str, Any] = {
            "resourceNames": [f"projects/{self._project}"],
            "filter": " AND ".join(clauses),
            "orderBy": "timestamp desc",
            "pageSize": min(limit, _PAGE),
        }
        found: list[LogLine] = []
        for _ in range(_PAGES):
            page = self._ask(what, "POST", _ENTRIES, body)
            found += [_line(entry) for entry in page.get("entries") or [] if any(key in entry for key in _PAYLOADS)]
            if len(found) >= limit or not page.get("nextPageToken"):
                break
            body["pageToken"] = page["nextPageToken"]
        return found[:limit][::-1]

    def _ask(self, what: str, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        return self._account.call(what, method, url, self._project, body)


def _run(execution: dict[str, Any]) -> Run:
    containers = (execution.get("template") or {}).get("containers") or [{}]
    told = variables(containers[0].get("env"))
    state, reason = _state(execution)
    return Run(
        id=execution["name"].rsplit("/", 1)[-1],
        state=state,
        created=when(execution.get("createTime")) or datetime.now(UTC),
        reason=reason,
        started=when(execution.get("startTime")),
        stopped=when(execution.get("completionTime")),
        trigger_id=told.get("TRIGGER_ID", ""),
        round=told.get("ROUND_NUMBER", ""),
    )


def _state(execution: dict[str, Any]) -> tuple[State, str]:
    """The state, and why where something is to be said."""
    conditions = {each.get("type"): each for each in execution.get("conditions") or []}
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
    moment = when(entry.get("timestamp") or entry.get("receiveTimestamp")) or datetime.now(UTC)
    # A line that is JSON comes as an object.
    text = entry.get("textPayload")
    if text is None:
        payload = entry.get("jsonPayload") or entry.get("protoPayload") or {}
        plain = payload.keys() <= {"message"} and payload
        text = str(payload["message"]) if plain else json.dumps(payload, separators=(",", ":"))
    return LogLine(moment, text.rstrip("\n"), f"{entry.get('timestamp')} {entry.get('insertId')}")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _told(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"]).strip()
    except (ValueError, KeyError, TypeError):
        return ""


def _why(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """The reason (SERVICE_DISABLED) with its metadata where Google gives one, else the status (NOT_FOUND)."""
    try:
        error = answer.json()["error"]
        for each in error.get("details") or []:
            if str(each.get("@type", "")).endswith("google.rpc.ErrorInfo"):
                return str(each["reason"]), {key: str(value) for key, value in (each.get("metadata") or {}).items()}
        return str(error.get("status") or answer.status_code), {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return str(answer.status_code), {}
