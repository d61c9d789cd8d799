"""CloudWatch Logs: groups, and reading the streams of jobs, builds and functions.

The executor records no times for a job's lines, so they are a millisecond apart, from the job's start. A function's
lines have the time of the request that printed them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

GROUP = "aws:cloudwatch/logGroup:LogGroup"
_PAGE = 1000
_DAYS = {0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}


class LogGroup(AwsHandler):
    """Log groups."""

    service, arn, limit = "logs", "log-group:{id}", r"[\w./#-]{1,512}"

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        days = inputs.get("retentionInDays", 0)
        if isinstance(days, int) and days not in _DAYS:
            yield "retentionInDays", f"expected retention_in_days to be one of {sorted(_DAYS)}, got {days}"

    def delete(self, resource: Resource) -> None:
        for key in self.cloud.kernel.store.all("aws:log-streams", f"{resource.id}\n"):
            self.cloud.kernel.store.delete("aws:log-streams", key)


def stream_key(group: str, stream: str) -> str:
    """Return the key of the document that tells where a stream's text is stored."""
    return f"{group}\n{stream}"


class Logs:
    """DescribeLogStreams, GetLogEvents and FilterLogEvents."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def open(self, group: str, stream: str, kept: dict[str, str]) -> None:
        """Open a stream; `kept` is {"run": id} or {"blob": key in the builds' bucket}."""
        self._store.put("aws:log-streams", stream_key(group, stream), kept)

    def serve(self, call: Call, action: str) -> Reply:
        """Answer a request. Raises Refused."""
        caller, request = self._cloud.access.caller(call), call.json()
        name = request.get("logGroupName") or str(request.get("logGroupIdentifier", "")).rsplit(":", 1)[-1]
        group = self._cloud.get(GROUP, name)
        if group is None:
            raise Refused(400, "ResourceNotFoundException", "The specified log group does not exist.")
        self._cloud.access.demand(caller, f"logs:{action}", f"{group['arn']}:*")
        if action == "DescribeLogStreams":
            prefix = stream_key(name, request.get("logStreamNamePrefix", ""))
            streams = [key.split("\n", 1)[1] for key in self._store.all("aws:log-streams", prefix)]
            return reply({"logStreams": [{"logStreamName": stream} for stream in streams]})
        if action == "GetLogEvents":
            return self._events(name, request)
        if action == "FilterLogEvents":
            return self._filter_events(name, request)
        raise Refused(400, "UnknownOperationException", f"the sandbox has no {action}")

    def _events(self, group: str, request: dict[str, Any]) -> Reply:
        kept = self._store.get("aws:log-streams", stream_key(group, request["logStreamName"]))
        if kept is None:
            raise Refused(400, "ResourceNotFoundException", "The specified log stream does not exist.")
        lines = [line for line in self._lines(kept) if line[0] >= request.get("startTime", 0)]
        limit = min(request.get("limit", _PAGE), _PAGE)
        first = 0 if request.get("startFromHead") else max(0, len(lines) - limit)
        start = int(request["nextToken"].split("/")[1]) if request.get("nextToken") else first
        end = min(start + limit, len(lines))
        events = [{"timestamp": at, "ingestionTime": at, "message": text} for at, text in lines[start:end]]
        return reply({"events": events, "nextForwardToken": f"f/{end}", "nextBackwardToken": f"b/{start}"})

    def _filter_events(self, group: str, request: dict[str, Any]) -> Reply:
        """Return a page of the events of a group's functions and streams."""
        unknown = request.keys() - {"logGroupName", "startTime", "endTime", "limit", "nextToken", "filterPattern"}
        if unknown:
            raise Refused(400, "InvalidParameterException", f"the sandbox does not know {min(unknown)}")
        passes = _read_pattern(request.get("filterPattern", ""))
        records = [(name, at, text) for name, lines in self._streams(group) for at, text in lines if passes(text)]
        kept = sorted(
            (record for record in records if request.get("startTime", 0) <= record[1] <= request.get("endTime", 2**63)),
            key=lambda record: record[1],
        )
        start, limit = int(request.get("nextToken") or 0), min(request.get("limit", _PAGE), _PAGE)
        events = [
            {"logStreamName": name, "timestamp": at, "ingestionTime": at, "message": text, "eventId": _id(name, number)}
            for number, (name, at, text) in enumerate(kept[start : start + limit], start)
        ]
        more = {"nextToken": str(start + limit)} if start + limit < len(kept) else {}
        return reply({"events": events, "searchedLogStreams": [], **more})

    def _streams(self, group: str) -> Iterable[tuple[str, list[tuple[int, str]]]]:
        for key, kept in self._store.all("aws:log-streams", f"{group}\n").items():
            yield key.split("\n", 1)[1], self._lines(kept)
        for function in self._cloud.resources("aws:lambda/function:Function"):
            if (function.inputs.get("loggingConfig") or {}).get("logGroup") == group:
                lines = self._cloud.kernel.functions.timed_log(f"aws/{function.id}")
                yield f"{function['name']}[$LATEST]", [(round(at * 1000), text) for at, text in lines]

    def _lines(self, kept: dict[str, str]) -> list[tuple[int, str]]:
        if "run" in kept:
            run = self._cloud.kernel.executor.get(kept["run"])
            first = round(((run.started or run.created) if run else 0) * 1000)
            text = self._cloud.kernel.executor.logs(kept["run"])
        else:
            first, text = 0, (self._store.get_blob("aws/builds", kept["blob"]) or b"").decode(errors="replace")
        return [(first + number, line) for number, line in enumerate(text.splitlines())]


def _id(stream: str, number: int) -> str:
    return f"{number:020d}{hashlib.sha256(stream.encode()).hexdigest()[:16]}"


def _read_pattern(pattern: str) -> Callable[[str], bool]:
    """Return the test of a filter pattern: none, or one string property of a JSON line. Raises Refused."""
    match = re.fullmatch(r'\{ \$\.(\w+) = "([^"]*)" \}', pattern)
    if pattern and match is None:
        raise Refused(400, "InvalidParameterException", f"Invalid filter pattern: {pattern}")

    def passes(text: str) -> bool:
        if match is None:
            return True
        try:
            line = json.loads(text)
        except ValueError:
            return False
        return isinstance(line, dict) and line.get(match[1]) == match[2]

    return passes
