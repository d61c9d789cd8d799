"""Queries Azure about a node: the executions of its Container Apps job, and the logs of its container and trigger.

Both logs are in Log Analytics, where lines arrive some minutes after they are printed; following a log allows for this.
The trigger's lines are traces that its app sends to Application Insights, whose tables are in the same workspace.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx

from providers import json_api
from providers.azure.identity import Identity
from providers.json_api import write_time
from providers.operations import (
    STOPPED,
    Configured,
    LogLine,
    NodeFacts,
    NodeOperations,
    OperationsError,
    Run,
    State,
    number_lines,
    read_origin,
    read_time,
)

_MANAGEMENT, _LOGS = "https://management.azure.com", "https://api.loganalytics.io"
_VERSION = "2025-01-01"
_TIMEOUT = 60
_DAYS = 30  # retention of the workspace
_STATES = {
    "Running": State.RUNNING,
    "Processing": State.STARTING,
    "Succeeded": State.SUCCEEDED,
    "Failed": State.FAILED,
    "Degraded": State.FAILED,
    "Stopped": State.CANCELLED,
}


class Account:
    """The stack's identity on Azure. Ignores `region`, which Azure's calls do not need."""

    def __init__(self, configured: Configured, region: str) -> None:
        self._identity, self._http = Identity(configured), httpx.Client(timeout=_TIMEOUT)

    def call(self, what: str, method: str, url: str, resource: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON answer to a call. `what` completes "Azure refused to ...".

        Raises OperationsError, and Refused with Azure's error code.
        """
        headers = self._identity.headers(resource)
        return json_api.call(
            "Azure", what, lambda: self._http.request(method, url, json=body, headers=headers), _explain
        )

    def node(self, facts: NodeFacts) -> NodeOperations:
        """Return the operations of a node."""
        return AzureNode(facts, self)


class AzureNode(NodeOperations):
    """The operations of a node. Uses its facts `logs` (the workspace's id) and `trigger` (the app's name)."""

    poll_seconds: ClassVar[float] = 5.0
    lag_seconds: ClassVar[float] = 180.0

    def __init__(self, facts: NodeFacts, account: Account) -> None:
        self._facts, self._account = facts, account

    def runs(self, limit: int = 10) -> list[Run]:
        url: str | None = self._url("executions")
        executions: list[dict[str, Any]] = []
        while url:
            page = self._account.call("list the node's executions", "GET", url, _MANAGEMENT)
            executions += page.get("value") or []
            url = page.get("nextLink")
        return sorted(map(_run, executions), key=lambda run: run.created, reverse=True)[:limit]

    def run(self, run_id: str) -> Run:
        run = _run(self._account.call("describe the execution", "GET", self._url(f"executions/{run_id}"), _MANAGEMENT))
        if run.state is not State.FAILED:
            return run
        events = self._read_events(run)
        return Run(**{**vars(run), "reason": events[-1].text if events else run.reason})

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        since = since or run.created - timedelta(minutes=1)
        query = f"ContainerAppConsoleLogs | where ContainerGroupName startswith '{_clean(run.id)}'"
        return self._read_lines("read the job's log", query, "Log", since, limit)

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        since = since or datetime.now(UTC) - timedelta(days=_DAYS)
        app = f"where AppRoleName =~ '{_clean(self._facts.require('trigger'))}'"
        # The lines of a region's nodes are in one table. Errors of the Functions host concern all nodes.
        mine = f"where tostring(parse_json(Message).node) == '{_clean(self._facts.name)}' or SeverityLevel >= 3"
        query = f"AppTraces | {app} | {mine}"
        return self._read_lines("read the trigger's log", query, "Message", since, limit)

    def stop(self, run: Run) -> None:
        self._account.call("stop the execution", "POST", self._url(f"executions/{run.id}/stop"), _MANAGEMENT)

    def _read_events(self, run: Run) -> list[LogLine]:
        """Return Container Apps' warnings and errors about a failed execution, which itself contains no reason."""
        query = f"ContainerAppSystemLogs | where * has '{_clean(run.id)}' | where Type != 'Normal'"
        try:
            return self._read_lines("read the job's events", query, "Log", run.created - timedelta(minutes=1), 20)
        except OperationsError:
            return []  # the run must be shown even if its reason cannot be read

    def _read_lines(self, what: str, query: str, column: str, since: datetime, limit: int) -> list[LogLine]:
        newest = f"project TimeGenerated, Line={column} | order by TimeGenerated desc | take {limit}"
        # Log Analytics takes times without an offset as UTC.
        until = datetime.now(UTC) + timedelta(minutes=5)
        body = {"query": f"{query} | {newest}", "timespan": f"{write_time(since)}/{write_time(until)}"}
        url = f"{_LOGS}/v1/workspaces/{self._facts.require('logs')}/query"
        try:
            answer = self._account.call(what, "POST", url, _LOGS, body)
        except OperationsError as error:
            # A table is created with its first line, minutes after the first run in a new workspace.
            if "Failed to resolve table" in str(error) or "Failed to resolve scalar" in str(error):
                return []
            raise
        table = (answer.get("tables") or [{"columns": [], "rows": []}])[0]
        names = [column["name"] for column in table["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in table["rows"]]
        lines = [(read_time(row["TimeGenerated"]) or since, str(row["Line"]).rstrip("\n")) for row in rows]
        return number_lines(lines[::-1])

    def _url(self, rest: str) -> str:
        return f"{_MANAGEMENT}{self._facts.job}/{rest}?api-version={_VERSION}"


def _run(execution: dict[str, Any]) -> Run:
    properties = execution.get("properties") or {}
    containers = (properties.get("template") or {}).get("containers") or [{}]
    state = _STATES.get(str(properties.get("status")), State.PENDING)
    started = read_time(properties.get("startTime"))
    return Run(
        id=execution["name"],
        state=state,
        created=started or datetime.now(UTC),
        reason=STOPPED if state is State.CANCELLED else "the execution failed" if state is State.FAILED else "",
        started=started if state is not State.PENDING else None,
        stopped=read_time(properties.get("endTime")),
        **read_origin(containers[0].get("env")),
    )


def _clean(text: str) -> str:
    """Remove the characters that would end a KQL string. Names of executions and apps do not contain them."""
    return text.replace("\\", "").replace("'", "")


def _explain(error: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    """Return code and message, followed by the messages of inner errors, which are more specific; then the code."""
    code = str(error.get("code") or "")
    words = [f"{code}: {error.get('message', '')}"] if error else []
    while isinstance(error.get("innererror"), dict):
        error = error["innererror"]
        words.append(str(error.get("message", "")))
    return " ".join(word for word in words if word), code, {}
