"""Cloud Logging: the logs of builds, jobs and functions, and entries.list with the filters that the product sends.

A filter consists of comparisons joined by AND, on the fields of the sandbox's entries; anything else is refused. The
executor records no times for a job's lines, so they are a millisecond apart, from the job's start. A function's lines
have the time of the request that printed them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.calls import Call, Refused, Reply, reply

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "logging.googleapis.com"
_FUNCTION = "gcp:cloudfunctionsv2/function:Function"
_CLAUSE = re.compile(r'(?P<field>(?:[\w.]|"[^"]*")+?)(?P<op>>=|<=|=|:)"(?P<value>[^"]*)"')
_BODY = {"resourceNames", "filter", "orderBy", "pageSize", "pageToken"}
_MAX_PAGE = 1000


class Logging:
    """The method entries.list."""

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def serve(self, call: Call, principal: str) -> Reply:
        """Answer a request. Raises Refused."""
        project, request = f"projects/{self._cloud.project}", call.json()
        if (call.method, call.path) != ("POST", "/v2/entries:list") or request.keys() - _BODY:
            raise Refused(400, "INVALID_ARGUMENT", f"the sandbox has no {call.method} {call.path} with these fields")
        if request.get("resourceNames") != [project]:
            raise Refused(404, "NOT_FOUND", f"{request.get('resourceNames')} was not found")
        self._cloud.access.require(principal, "logging.logEntries.list", project)
        entries = self.find(request.get("filter", ""))
        entries.sort(key=lambda entry: (entry["timestamp"], entry["insertId"]))
        if request.get("orderBy", "timestamp asc").endswith("desc"):
            entries.reverse()
        start, size = int(request.get("pageToken") or 0), min(request.get("pageSize") or 50, _MAX_PAGE)
        more = {"nextPageToken": str(start + size)} if start + size < len(entries) else {}
        return reply({"entries": entries[start : start + size], **more})

    def find(self, filter_: str) -> list[dict[str, Any]]:
        """Return the entries that a filter matches. Raises Refused."""
        clauses, project = _clauses(filter_), f"projects/{self._cloud.project}"
        return [entry for entry in self._entries(project) if all(_holds(entry, *clause) for clause in clauses)]

    def _entries(self, project: str) -> Iterator[dict[str, Any]]:
        for build, log in self._store.all("gcp:build-logs").items():
            resource = {"type": "build", "labels": {"build_id": build}}
            for number, line in enumerate(log["lines"]):
                yield _entry(f"{project}/logs/cloudbuild", resource, log.get("at", 0), build, number, line)
        for run in self._cloud.kernel.executor.runs("gcp"):
            _, _, _, location, _, job = run.job.split("/")
            resource = {"type": "cloud_run_job", "labels": {"job_name": job, "location": location}}
            first = run.started or run.created
            for number, line in enumerate(self._cloud.kernel.executor.logs(run.run_id).splitlines()):
                entry = _entry(f"{project}/logs/run.googleapis.com%2Fstdout", resource, first, run.run_id, number, line)
                yield entry | {"labels": {"run.googleapis.com/execution_name": run.run_id}}
        for function in self._cloud.resources(_FUNCTION):
            labels = {"service_name": function["name"], "location": function["location"]}
            resource = {"type": "cloud_run_revision", "labels": labels}
            for number, (at, line) in enumerate(self._cloud.kernel.functions.timed_log(f"gcp/{function['name']}")):
                yield _entry(
                    f"{project}/logs/run.googleapis.com%2Fstdout", resource, at, function["name"], number, line, step=0
                )


def _entry(
    log: str, resource: dict[str, Any], first: float, owner: str, number: int, line: str, step: float = 0.001
) -> dict[str, Any]:
    moment = datetime.fromtimestamp(first + number * step, UTC).isoformat(timespec="microseconds")
    entry: dict[str, Any] = {"logName": log, "resource": resource, "insertId": f"{owner}-{number:08d}"}
    entry["timestamp"] = moment.replace("+00:00", "Z")
    try:
        payload = json.loads(line)
    except ValueError:
        payload = None
    # As on Cloud Run: a line that is a JSON object becomes one.
    return entry | ({"jsonPayload": payload} if isinstance(payload, dict) else {"textPayload": line})


def _clauses(text: str) -> list[tuple[str, str, str]]:
    clauses = []
    for part in text.split(" AND "):
        clause = _CLAUSE.fullmatch(part.strip())
        if clause is None:
            raise Refused(400, "INVALID_ARGUMENT", f"Unparseable filter: {part}")
        clauses.append((clause["field"], clause["op"], clause["value"]))
    return clauses


def _holds(entry: dict[str, Any], field: str, operator: str, value: str) -> bool:
    actual: Any = entry
    for part in re.findall(r'"[^"]*"|[^.]+', field):
        actual = actual.get(part.strip('"')) if isinstance(actual, dict) else None
    if actual is None:
        return False
    match operator:
        case "=":
            return bool(actual == value)
        case ":":
            return value in actual
        case ">=":
            return bool(actual >= value)
        case _:
            return bool(actual <= value)
