"""A node on AWS: Batch's jobs of its definition, CloudWatch's logs of the container and of the trigger's function."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from providers.aws.session import Session
from providers.operations import (
    STOPPED,
    UNREACHED,
    Configured,
    LogLine,
    NoCredentials,
    NodeFacts,
    NodeOperations,
    OperationsError,
    Refused,
    Run,
    State,
    at,
    counted,
    variables,
)

_STATES = {
    "SUBMITTED": State.PENDING,
    "PENDING": State.PENDING,
    "RUNNABLE": State.PENDING,
    "STARTING": State.STARTING,
    "RUNNING": State.RUNNING,
    "SUCCEEDED": State.SUCCEEDED,
    "FAILED": State.FAILED,
}
_NO_CREDENTIALS = frozenset(
    {
        *("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "CredentialRetrievalError"),
        *("TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "SSOError", "NoAuthTokenError"),
        *("ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"),
        *(
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "RequestExpired",
            "MissingAuthenticationTokenException",
        ),
        *("ConfigNotFound", "LoginRefreshRequired", "LoginTokenLoadError"),
    }
)
_MENDED = (
    "Expected the credentials that `pulumi up` uses: set them up with `aws configure` or `aws sso login` (with "
    "--profile NAME, and `pulumi config set aws:profile NAME`, if the stack uses a profile)."
)
# How far back the trigger's log is looked at until there are enough lines.
_WINDOWS = (timedelta(hours=2), timedelta(days=2), timedelta(days=31))
_PAGES = 50


@contextmanager
def asked(what: str) -> Iterator[None]:
    """Errors of boto3 as sentences."""
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        code, message = str(told.get("Code", "unknown")), str(told.get("Message", "")).strip()
        if code in _NO_CREDENTIALS:
            raise NoCredentials(f"AWS does not take these credentials ({code}). {_MENDED}") from error
        raise Refused(f"AWS refused to {what}: {code}{': ' + message if message else ''}", code) from error
    except (BotoCoreError, OSError) as error:
        name = type(error).__name__
        if name in _NO_CREDENTIALS:
            raise NoCredentials(f"There are no usable AWS credentials ({error}). {_MENDED}") from error
        raise OperationsError(f"AWS could not be asked to {what} ({name}: {error}). {UNREACHED}") from error


class Account:
    """The stack's account in one region; safe to use from several threads."""

    def __init__(self, configured: Configured, region: str) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        with asked("sign in"):
            self._session = Session(configured, region)

    def client(self, service: str) -> Any:
        """A client, made once."""
        with self._lock, asked("sign in"):
            if service not in self._clients:
                self._clients[service] = self._session.client(service)
            return self._clients[service]

    def node(self, facts: NodeFacts) -> NodeOperations:
        """A node's operations."""
        return AwsNode(facts, self)


class AwsNode(NodeOperations):
    """Reads `queue` (ARN), `logs` and `trigger_logs` (log groups) of the node."""

    def __init__(self, facts: NodeFacts, account: Account) -> None:
        self._facts, self._account = facts, account

    def runs(self, limit: int = 10) -> list[Run]:
        # The name of a definition stands for all of its revisions, and Batch sorts by time, newest first.
        definition = self._facts.job.rsplit("/", 1)[-1]
        wanted = {"name": "JOB_DEFINITION", "values": [definition]}
        with asked("list the node's jobs"):
            listed = self._batch.list_jobs(
                jobQueue=self._facts.named("queue"), filters=[wanted], maxResults=min(limit, 100)
            )
            ids = [each["jobId"] for each in listed["jobSummaryList"]][:limit]
            found = self._batch.describe_jobs(jobs=ids)["jobs"] if ids else []
        return sorted((_run(job) for job in found), key=lambda run: run.created, reverse=True)

    def run(self, run_id: str) -> Run:
        return _run(self._job(run_id))

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        container = self._job(run.id).get("container") or {}
        stream = container.get("logStreamName")
        if not stream:
            return []
        options = (container.get("logConfiguration") or {}).get("options") or {}
        group = options.get("awslogs-group") or self._facts.named("logs")
        wanted: dict[str, Any] = {"logGroupName": group, "logStreamName": stream}
        if since is None:
            wanted |= {"startFromHead": False, "limit": min(limit, 10000)}
        else:
            wanted |= {"startFromHead": True, "startTime": _milliseconds(since)}
        events = self._events(wanted)
        return counted([(_time(event), event["message"].rstrip("\n")) for event in events])

    def _events(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        try:
            with asked("read the job's log"):
                for _ in range(_PAGES):
                    page = self._logs.get_log_events(**wanted)
                    found += page["events"]
                    token = page["nextForwardToken"]
                    # The end of a stream is told by a token that leads to itself.
                    if not wanted["startFromHead"] or token == wanted.get("nextToken"):
                        break
                    wanted["nextToken"] = token
        except OperationsError as error:
            # The stream is made when the container starts to print.
            if not _is_absent(error):
                raise
        return found

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        if since is not None:
            return self._trigger_lines(since)
        found: list[LogLine] = []
        for window in _WINDOWS:
            found = self._trigger_lines(datetime.now(UTC) - window)
            if len(found) >= limit:
                break
        return found[-limit:]

    def _trigger_lines(self, since: datetime) -> list[LogLine]:
        wanted: dict[str, Any] = {"logGroupName": self._facts.named("trigger_logs"), "startTime": _milliseconds(since)}
        found: list[LogLine] = []
        with asked("read the trigger's log"):
            for _ in range(_PAGES):
                page = self._logs.filter_log_events(**wanted)
                for event in page["events"]:
                    text = _of_the_function(event["message"])
                    if text:
                        found.append(LogLine(_time(event), text, event["eventId"]))
                if not page.get("nextToken"):
                    break
                wanted["nextToken"] = page["nextToken"]
        return sorted(found, key=lambda line: line.time)

    def stop(self, run: Run) -> None:
        with asked("stop the job"):
            # Also cancels a job that has not started yet.
            self._batch.terminate_job(jobId=run.id, reason=STOPPED)

    def _job(self, run_id: str) -> dict[str, Any]:
        with asked("describe the job"):
            found = self._batch.describe_jobs(jobs=[run_id])["jobs"]
        if not found:
            raise OperationsError(f"AWS Batch knows no job {run_id}; it forgets jobs some days after their end.")
        return dict(found[0])

    @property
    def _batch(self) -> Any:
        return self._account.client("batch")

    @property
    def _logs(self) -> Any:
        return self._account.client("logs")


def _is_absent(error: OperationsError) -> bool:
    return isinstance(error, Refused) and error.code == "ResourceNotFoundException"


def _run(job: dict[str, Any]) -> Run:
    container = job.get("container") or {}
    told = variables(container.get("environment"))
    state = _STATES.get(job["status"], State.PENDING)
    if state is State.FAILED and (job.get("isTerminated") or job.get("isCancelled")):
        state = State.CANCELLED
    return Run(
        id=job["jobId"],
        state=state,
        created=at(job["createdAt"]) or datetime.now(UTC),
        reason=_reason(job, container) if state in (State.FAILED, State.CANCELLED, State.PENDING) else "",
        started=at(job.get("startedAt")),
        stopped=at(job.get("stoppedAt")),
        trigger_id=told.get("TRIGGER_ID", ""),
        round=told.get("ROUND_NUMBER", ""),
    )


def _reason(job: dict[str, Any], container: dict[str, Any]) -> str:
    said = [str(job.get("statusReason") or ""), str(container.get("reason") or "")]
    stopped = job.get("isTerminated") or job.get("isCancelled")
    if container.get("exitCode") is not None and not stopped and not any("exit" in each.lower() for each in said):
        said.append(f"exit code {container['exitCode']}")
    return "; ".join(dict.fromkeys(each for each in said if each))


def _of_the_function(message: str) -> str:
    """What the function's code printed, and what the platform says of a call that went wrong; else nothing."""
    text = message.strip()
    try:
        line = json.loads(text)
    except ValueError:
        return text
    if not isinstance(line, dict) or not str(line.get("type", "")).startswith("platform."):
        # With the log format JSON a logger's line is an object with its message; a printed line stays as it is.
        return str(line["message"]) if isinstance(line, dict) and "message" in line and "level" in line else text
    record = line.get("record") or {}
    if record.get("status", "success") == "success":
        return ""
    return f"{line['type']}: {record['status']} {record.get('errorType', '')}".strip()


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["timestamp"] / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
