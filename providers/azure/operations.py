"""A node on Azure: the executions of its Container Apps job, Log Analytics for the container's and the trigger's lines.

Lines come to Log Analytics some minutes after they were printed: what follows a log waits for them. The trigger's
lines are the traces that its app sends to Application Insights, whose tables are in the same workspace.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx

from providers.azure.identity import Identity
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
    counted,
    variables,
    when,
)

_MANAGEMENT, _LOGS = "https://management.azure.com", "https://api.loganalytics.io"
_VERSION = "2025-01-01"
_TIMEOUT = 60
_DAYS = 30  # what the workspace keeps
_STATES = {
    "Running": State.RUNNING,
    "Processing": State.STARTING,
    "Succeeded": State.SUCCEEDED,
    "Failed": State.FAILED,
    "Degraded": State.FAILED,
    "Stopped": State.CANCELLED,
}


class Account:
    """The stack's identity on Azure; `region` is in no name."""

    def __init__(self, configured: Configured, region: str) -> None:
        self._identity, self._http = Identity(configured), httpx.Client(timeout=_TIMEOUT)

    def call(self, what: str, method: str, url: str, resource: str, body: dict[str, Any] | None = None) -> Any:
        """A call's answer as JSON. Raises OperationsError; Refused with Azure's own code."""
        headers = self._identity.headers(resource)
        try:
            answer = self._http.request(method, url, json=body, headers=headers)
            if answer.is_success:
                return answer.json() if answer.content.strip() else {}
        except httpx.HTTPError as error:
            raise OperationsError(
                f"Azure could not be asked to {what} ({type(error).__name__}). {UNREACHED}"
            ) from error
        except ValueError as error:
            raise OperationsError(f"Azure answered something else than JSON when asked to {what}.") from error
        told = _told(answer)
        raise Refused(f"Azure refused to {what}: HTTP {answer.status_code} {told}".rstrip(), _code(answer))

    def node(self, facts: NodeFacts) -> NodeOperations:
        """A node's operations."""
        return AzureNode(facts, self)


class AzureNode(NodeOperations):
    """Reads `logs` (the workspace's id) and `trigger` (the app's name) of the node."""

    poll_seconds: ClassVar[float] = 5.0
    lag_seconds: ClassVar[float] = 180.0

    def __init__(self, facts: NodeFacts, account: Account) -> None:
        self._facts, self._account = facts, account

    def runs(self, limit: int = 10) -> list[Run]:
        url: str | None = self._url("executions")
        found: list[dict[str, Any]] = []
        while url:
            page = self._account.call("list the node's executions", "GET", url, _MANAGEMENT)
            found += page.get("value") or []
            url = page.get("nextLink")
        return sorted(map(_run, found), key=lambda run: run.created, reverse=True)[:limit]

    def run(self, run_id: str) -> Run:
        run = _run(self._account.call("describe the execution", "GET", self._url(f"executions/{run_id}"), _MANAGEMENT))
        if run.state is not State.FAILED:
            return run
        said = self._said(run)
        return Run(**{**vars(run), "reason": said[-1].text if said else run.reason})

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        since = since or run.created - timedelta(minutes=1)
        wanted = f"where ContainerGroupName_s startswith '{_quoted(run.id)}'"
        return self._lines("read the job's log", f"ContainerAppConsoleLogs_CL | {wanted}", "Log_s", since, limit)

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        since = since or datetime.now(UTC) - timedelta(days=_DAYS)
        wanted = f"where AppRoleName =~ '{_quoted(self._facts.named('trigger'))}'"
        # The host's own lines about each call are left out; what went wrong in it is not.
        users = "where Properties has 'Function.webhook.User' or Properties has 'Function.schedule.User'"
        query = f"AppTraces | {wanted} | {users} or SeverityLevel >= 3"
        return self._lines("read the trigger's log", query, "Message", since, limit)

    def stop(self, run: Run) -> None:
        self._account.call("stop the execution", "POST", self._url(f"executions/{run.id}/stop"), _MANAGEMENT)

    def _said(self, run: Run) -> list[LogLine]:
        """What Container Apps says of an execution that failed; the execution itself has no reason."""
        bad = "where Type_s == 'Warning' or Type_s == 'Error'"
        query = f"ContainerAppSystemLogs_CL | where * has '{_quoted(run.id)}' | {bad}"
        try:
            return self._lines("read the job's events", query, "Log_s", run.created - timedelta(minutes=1), 20)
        except OperationsError:
            return []  # a reason that cannot be had never hides the run

    def _lines(self, what: str, query: str, column: str, since: datetime, limit: int) -> list[LogLine]:
        newest = f"project TimeGenerated, Line={column} | order by TimeGenerated desc | take {limit}"
        # The service reads a bare time window as UTC.
        until = datetime.now(UTC) + timedelta(minutes=5)
        body = {"query": f"{query} | {newest}", "timespan": f"{_stamp(since)}/{_stamp(until)}"}
        url = f"{_LOGS}/v1/workspaces/{self._facts.named('logs')}/query"
        try:
            answer = self._account.call(what, "POST", url, _LOGS, body)
        except OperationsError as error:
            # A table is made with its first line, minutes after a new workspace's first run.
            if "Failed to resolve table" in str(error) or "Failed to resolve scalar" in str(error):
                return []
            raise
        table = (answer.get("tables") or [{"columns": [], "rows": []}])[0]
        names = [each["name"] for each in table["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in table["rows"]]
        lines = [(when(row["TimeGenerated"]) or since, str(row["Line"]).rstrip("\n")) for row in rows]
        return counted(lines[::-1])

    def _url(self, rest: str) -> str:
        return f"{_MANAGEMENT}{self._facts.job}/{rest}?api-version={_VERSION}"


def _run(execution: dict[str, Any]) -> Run:
    properties = execution.get("properties") or {}
    containers = (properties.get("template") or {}).get("containers") or [{}]
    told = variables(containers[0].get("env"))
    state = _STATES.get(str(properties.get("status")), State.PENDING)
    started = when(properties.get("startTime"))
    return Run(
        id=execution["name"],
        state=state,
        created=started or datetime.now(UTC),
        reason=STOPPED if state is State.CANCELLED else "the execution failed" if state is State.FAILED else "",
        started=started if state is not State.PENDING else None,
        stopped=when(properties.get("endTime")),
        trigger_id=told.get("TRIGGER_ID", ""),
        round=told.get("ROUND_NUMBER", ""),
    )


def _quoted(text: str) -> str:
    """Inside of a KQL string; names of executions and apps hold neither of these."""
    return text.replace("\\", "").replace("'", "")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _told(answer: httpx.Response) -> str:
    """Code and message of the innermost error, which is the one that says what it is about."""
    try:
        error: dict[str, Any] = answer.json()["error"]
        words = [f"{error.get('code', '')}: {error.get('message', '')}"]
        while isinstance(error.get("innererror"), dict):
            error = error["innererror"]
            words.append(str(error.get("message", "")))
        return " ".join(word for word in words if word)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
