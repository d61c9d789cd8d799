"""What CodeBuild says about a build: its log, and why it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from providers.images.following import BuildLog


def explain_failure(build: dict[str, Any]) -> str:
    """Return why a build failed: the phase and its message, or the status."""
    for phase in build.get("phases") or []:
        for context in phase.get("contexts") or []:
            if context.get("message"):
                return f"{phase['phaseType'].lower()}: {context['message']}"
    return str(build["buildStatus"]).lower()


def is_denied(build: dict[str, Any]) -> bool:
    """Whether a build failed because its role was denied an action."""
    contexts = [context for phase in build.get("phases") or [] for context in phase.get("contexts") or []]
    return any(context.get("statusCode") == "ACCESS_DENIED" for context in contexts)


class StreamLog(BuildLog):
    """A build's log stream in CloudWatch."""

    lag_seconds = 2.0

    def __init__(self, open_client: Callable[[str], Any], build_id: str) -> None:
        """`open_client` returns boto3's client of a service."""
        self._open_client, self._id = open_client, build_id
        self._stream: dict[str, str] = {}
        self._token = ""

    def new_lines(self, last: bool = False) -> list[str]:
        """Return the lines since the last call."""
        lines: list[str] = []
        try:
            while self._find_stream():
                start = {"nextToken": self._token} if self._token else {}
                logs = self._open_client("logs")
                page = logs.get_log_events(**self._stream, startFromHead=True, **start)
                lines += [line for event in page["events"] for line in event["message"].rstrip("\n").splitlines()]
                ended = page["nextForwardToken"] == self._token or not page["events"]
                self._token = page["nextForwardToken"]
                if ended:
                    break
        except (BotoCoreError, ClientError):
            pass
        return lines

    def _find_stream(self) -> bool:
        """Look up the log stream, which a build has once it has started. Returns whether there is one."""
        if not self._stream:
            build = self._open_client("codebuild").batch_get_builds(ids=[self._id])["builds"][0]
            logs = build.get("logs") or {}
            if logs.get("groupName") and logs.get("streamName"):
                self._stream = {"logGroupName": logs["groupName"], "logStreamName": logs["streamName"]}
        return bool(self._stream)
