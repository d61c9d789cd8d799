"""Log Analytics at api.loganalytics.io: the logs of jobs and apps, and the part of KQL that the product uses.

A query is a table followed by piped operators: `where` with comparisons joined by `or`, `project`, `order by` and
`take`. Anything else is refused. As on Azure, a table does not exist before its first line. The executor records no
times for a job's lines, so they are a millisecond apart, from the job's start. An app's lines have the time of the
request that printed them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.azure import diagnostics, rbac
from sandbox.azure.calls import Call, Refused, Reply, reply
from sandbox.executor import JobRun

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

HOST = "api.loganalytics.io"
AUDIENCE = f"https://{HOST}"
_SITE = "azure-native:web:WebApp"
_PATH = re.compile(r"/v1/workspaces/(?P<id>[0-9a-f-]{36})/query")
_CLAUSE = re.compile(
    r"(?P<column>\*|\w+|tostring\(parse_json\(\w+\)\.\w+\)) (?P<op>==|!=|=~|startswith|has|>=) "
    r"(?:'(?P<text>[^']*)'|(?P<number>\d+))"
)
Row = dict[str, Any]


class Analytics:
    """The method POST /v1/workspaces/ID/query."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud = cloud

    def serve(self, call: Call) -> Reply:
        """Answer a request. Raises Refused."""
        principal = self._cloud.tokens.principal(call, AUDIENCE)
        match = _PATH.fullmatch(call.path)
        workspace = self._cloud.find(diagnostics.WORKSPACE, customerId=match["id"]) if match else None
        if call.method != "POST" or workspace is None:
            raise Refused(404, "WorkspaceNotFoundError", "The workspace could not be found")
        action = "Microsoft.OperationalInsights/workspaces/query/read"
        if principal != rbac.DEPLOYER and not self._cloud.access.is_allowed(principal, action, workspace.id):
            raise Refused(403, "InsufficientAccessError", "The provided credentials have insufficient access")
        request = call.json()
        rows = self._query(workspace["customerId"], request["query"], *request["timespan"].split("/"))
        columns = list(rows[0]) if rows else ["TimeGenerated", "Line"]
        table = {"name": "PrimaryResult", "columns": [{"name": name, "type": "string"} for name in columns]}
        return reply({"tables": [table | {"rows": [list(row.values()) for row in rows]}]})

    def _query(self, workspace: str, query: str, since: str, until: str) -> list[Row]:
        table, *steps = [part.strip() for part in query.split("|")]
        rows = list(self._traces() if table == "AppTraces" else self._lines(workspace, table))
        if not rows and table != "AppTraces":
            raise Refused(400, "BadArgumentError", f"'where' operator: Failed to resolve table or column '{table}'")
        begin, end = datetime.fromisoformat(since), datetime.fromisoformat(until)
        rows = [row for row in rows if begin <= datetime.fromisoformat(row["TimeGenerated"]) <= end]
        for step in steps:
            rows = _apply(step, rows)
        return rows

    def _lines(self, workspace: str, table: str) -> Iterator[Row]:
        """Yield the rows of a table of Container Apps. In the classic tables, the names of strings end with _s."""
        name, end = table.removesuffix(diagnostics.CLASSIC), "_s" if table.endswith(diagnostics.CLASSIC) else ""
        kernel = self._cloud.kernel
        for run in kernel.executor.runs("azure"):
            if [workspace, table] in (kernel.store.get("azure:executions", run.run_id) or {}).get("tables", []):
                for moment, row in self._console(run) if name == diagnostics.CONSOLE else _describe_events(run):
                    yield {"TimeGenerated": _stamp(moment)} | {f"{key}{end}": value for key, value in row.items()}

    def _console(self, run: JobRun) -> Iterator[tuple[float, Row]]:
        for number, line in enumerate(self._cloud.kernel.executor.logs(run.run_id).splitlines()):
            yield (
                (run.started or run.created) + number / 1000,
                {"ContainerGroupName": f"{run.run_id}-x1y2z", "JobName": run.job.rsplit("/", 1)[-1], "Log": line},
            )

    def _traces(self) -> Iterator[Row]:
        for site in self._cloud.resources(_SITE):
            for moment, line in self._cloud.kernel.functions.timed_log(f"azure/{site['name']}"):
                yield {
                    "TimeGenerated": _stamp(moment),
                    "AppRoleName": site["name"],
                    "SeverityLevel": 1 if line.startswith("{") else 3,
                    "Properties": '{"Category":"Function.webhook.User"}' if line.startswith("{") else "{}",
                    "Message": line,
                }


def _describe_events(run: JobRun) -> Iterator[tuple[float, Row]]:
    events = [("Normal", f"Execution {run.run_id} was created", run.created)]
    if run.stopped and run.reason:
        events.append(("Warning", run.reason, run.stopped))
    for kind, text, moment in events:
        yield moment, {"ReplicaName": f"{run.run_id}-x1y2z", "Type": kind, "Log": text}


def _apply(step: str, rows: list[Row]) -> list[Row]:
    word, _, argument = step.partition(" ")
    if word == "where":
        clauses = [_clause(part) for part in argument.split(" or ")]
        return [row for row in rows if any(clause(row) for clause in clauses)]
    if word == "project":
        names = [
            tuple(reversed(name.strip().split("="))) * (2 if "=" not in name else 1) for name in argument.split(",")
        ]
        return [{new: row[old] for old, new in (name[:2] for name in names)} for row in rows]
    if word == "order":
        _, column, direction = argument.split(" ")
        return sorted(rows, key=lambda row: row[column], reverse=direction == "desc")
    if word == "take":
        return rows[: int(argument)]
    raise Refused(400, "BadArgumentError", f"A syntax error has been identified in the query: {word}")


def _clause(text: str) -> Callable[[Row], bool]:
    match = _CLAUSE.fullmatch(text.strip())
    if match is None:
        raise Refused(400, "BadArgumentError", f"A syntax error has been identified in the query: {text}")
    column, operator = match["column"], match["op"]
    value: Any = match["text"] if match["number"] is None else int(match["number"])

    def holds(actual: Any) -> bool:
        match operator:
            case "==":
                return bool(actual == value)
            case "!=":
                return bool(actual != value)
            case "=~":
                return str(actual).lower() == str(value).lower()
            case "startswith":
                return str(actual).lower().startswith(str(value).lower())
            case "has":
                return re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", str(actual), re.IGNORECASE) is not None
            case _:
                return bool(actual >= value)

    return lambda row: any(holds(cell) for cell in row.values()) if column == "*" else holds(_evaluate(column, row))


def _evaluate(column: str, row: Row) -> Any:
    """Return a column's value, or a field of the JSON in a column, which is empty if there is none."""
    parsed = re.fullmatch(r"tostring\(parse_json\((\w+)\)\.(\w+)\)", column)
    if parsed is None:
        return row[column]
    try:
        return str(json.loads(row[parsed[1]]).get(parsed[2], ""))
    except (ValueError, AttributeError):
        return ""


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
