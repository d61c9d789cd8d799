"""CloudWatch Logs: groups, and reading the streams of jobs and builds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

GROUP = "aws:cloudwatch/logGroup:LogGroup"
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
    """The document that says where a stream's text is kept."""
    return f"{group}\n{stream}"


class Logs:
    """DescribeLogStreams and GetLogEvents."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def open(self, group: str, stream: str, kept: dict[str, str]) -> None:
        """A stream begins; `kept` is {"run": id} or {"blob": key of the builds' bucket}."""
        self._store.put("aws:log-streams", stream_key(group, stream), kept)

    def serve(self, call: Call, action: str) -> Reply:
        """One request. Raises Refused."""
        caller, wanted = self._cloud.access.caller(call), call.json()
        name = wanted.get("logGroupName") or str(wanted.get("logGroupIdentifier", "")).rsplit(":", 1)[-1]
        group = self._cloud.get(GROUP, name)
        if group is None:
            raise Refused(400, "ResourceNotFoundException", "The specified log group does not exist.")
        self._cloud.access.demand(caller, f"logs:{action}", f"{group['arn']}:*")
        if action == "DescribeLogStreams":
            prefix = stream_key(name, wanted.get("logStreamNamePrefix", ""))
            found = [key.split("\n", 1)[1] for key in self._store.all("aws:log-streams", prefix)]
            return reply({"logStreams": [{"logStreamName": stream} for stream in found]})
        if action == "GetLogEvents":
            return self._events(name, wanted)
        raise Refused(400, "UnknownOperationException", f"the sandbox has no {action}")

    def _events(self, group: str, wanted: dict[str, Any]) -> Reply:
        kept = self._store.get("aws:log-streams", stream_key(group, wanted["logStreamName"]))
        if kept is None:
            raise Refused(400, "ResourceNotFoundException", "The specified log stream does not exist.")
        lines = self._text(kept).splitlines()
        token = wanted.get("nextToken") or ("f/0" if wanted.get("startFromHead") else f"f/{max(0, len(lines) - 1000)}")
        start = int(token.split("/")[1])
        end = min(start + 1000, len(lines))
        events = [
            {"timestamp": number, "ingestionTime": number, "message": lines[number]} for number in range(start, end)
        ]
        return reply({"events": events, "nextForwardToken": f"f/{end}", "nextBackwardToken": f"b/{start}"})

    def _text(self, kept: dict[str, str]) -> str:
        if "run" in kept:
            return self._cloud.kernel.executor.logs(kept["run"])
        return (self._store.get_blob("aws/builds", kept["blob"]) or b"").decode(errors="replace")
