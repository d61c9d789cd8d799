"""Queries AWS about a node: the Batch jobs of its definition, and the CloudWatch logs of its container and trigger."""

from __future__ import annotations

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
    number_lines,
    read_milliseconds,
    read_origin,
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
        *("InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "ConfigNotFound"),
        *("MissingAuthenticationTokenException", "LoginRefreshRequired", "LoginTokenLoadError"),
        "MissingDependencyException",  # of `aws login`, whose sessions need a package more
    }
)
_MENDED = (
    "Expected the credentials that `pulumi up` uses: set them up with `aws configure` or `aws sso login` (with "
    "--profile NAME, and `pulumi config set aws:profile NAME`, if the stack uses a profile)."
)
# The trigger's log is read this far back, one window after the other, until there are enough lines.
_WINDOWS = (timedelta(hours=2), timedelta(days=2), timedelta(days=31))
_PAGES = 50


@contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Raise boto3's errors as OperationsError with a sentence. `what` completes "AWS refused to ..."."""
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = str(details.get("Code", "unknown")), str(details.get("Message", "")).strip()
        if code in _NO_CREDENTIALS:
            raise NoCredentials(f"AWS does not accept these credentials ({code}). {_MENDED}") from error
        raise Refused(f"AWS refused to {what}: {code}{': ' + message if message else ''}", code) from error
    except (BotoCoreError, OSError) as error:
        name = type(error).__name__
        if name in _NO_CREDENTIALS:
            raise NoCredentials(f"There are no usable AWS credentials ({error}). {_MENDED}") from error
        raise OperationsError(f"AWS could not be reached to {what} ({name}: {error}). {UNREACHED}") from error


class Account:
    """The stack's account in one region; safe to use from several threads."""

    def __init__(self, configured: Configured, region: str) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        with translate_errors("sign in"):
            self._session = Session(configured, region)

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        with self._lock, translate_errors("sign in"):
            if service not in self._clients:
                self._clients[service] = self._session.client(service)
            return self._clients[service]

    def node(self, facts: NodeFacts) -> NodeOperations:
        """Return the operations of a node."""
        return AwsNode(facts, self)


class AwsNode(NodeOperations):
    """The operations of a node. Uses its facts `queue` (ARN), `logs` and `trigger_logs` (log groups)."""

    def __init__(self, facts: NodeFacts, account: Account) -> None:
        self._facts, self._account = facts, account

    def runs(self, limit: int = 10) -> list[Run]:
        # The name of a definition matches all of its revisions, and Batch sorts by time, newest first.
        definition = {"name": "JOB_DEFINITION", "values": [self._facts.job.rsplit("/", 1)[-1]]}
        with translate_errors("list the node's jobs"):
            page = self._batch.list_jobs(
                jobQueue=self._facts.require("queue"), filters=[definition], maxResults=min(limit, 100)
            )
            ids = [summary["jobId"] for summary in page["jobSummaryList"]][:limit]
            jobs = self._batch.describe_jobs(jobs=ids)["jobs"] if ids else []
        return sorted((_run(job) for job in jobs), key=lambda run: run.created, reverse=True)

    def run(self, run_id: str) -> Run:
        return _run(self._job(run_id))

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        container = self._job(run.id).get("container") or {}
        stream = container.get("logStreamName")
        if not stream:
            return []
        options = (container.get("logConfiguration") or {}).get("options") or {}
        group = options.get("awslogs-group") or self._facts.require("logs")
        query: dict[str, Any] = {"logGroupName": group, "logStreamName": stream}
        if since is None:
            query |= {"startFromHead": False, "limit": min(limit, 10000)}
        else:
            query |= {"startFromHead": True, "startTime": _milliseconds(since)}
        events = self._read_events(query)
        return number_lines([(_time(event), event["message"].rstrip("\n")) for event in events])

    def _read_events(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        try:
            with translate_errors("read the job's log"):
                for _ in range(_PAGES):
                    page = self._logs.get_log_events(**query)
                    events += page["events"]
                    token = page["nextForwardToken"]
                    # At the end of a stream, CloudWatch returns the same token again.
                    if not query["startFromHead"] or token == query.get("nextToken"):
                        break
                    query["nextToken"] = token
        except Refused as error:
            # The stream does not exist until the container prints its first line.
            if error.code != "ResourceNotFoundException":
                raise
        return events

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        if since is not None:
            return self._read_trigger_lines(since)
        lines: list[LogLine] = []
        for window in _WINDOWS:
            lines = self._read_trigger_lines(datetime.now(UTC) - window)
            if len(lines) >= limit:
                break
        return lines[-limit:]

    def _read_trigger_lines(self, since: datetime) -> list[LogLine]:
        query: dict[str, Any] = {
            "logGroupName": self._facts.require("trigger_logs"),
            # The group has the lines of all nodes of the region.
            "filterPattern": f'{{ $.node = "{self._facts.name}" }}',
            "startTime": _milliseconds(since),
        }
        lines: list[LogLine] = []
        with translate_errors("read the trigger's log"):
            for _ in range(_PAGES):
                page = self._logs.filter_log_events(**query)
                lines += [LogLine(_time(event), event["message"].strip(), event["eventId"]) for event in page["events"]]
                if not page.get("nextToken"):
                    break
                query["nextToken"] = page["nextToken"]
        return sorted(lines, key=lambda line: line.time)

    def stop(self, run: Run) -> None:
        with translate_errors("stop the job"):
            # Also cancels a job that has not started yet.
            self._batch.terminate_job(jobId=run.id, reason=STOPPED)

    def _job(self, run_id: str) -> dict[str, Any]:
        with translate_errors("describe the job"):
            jobs = self._batch.describe_jobs(jobs=[run_id])["jobs"]
        if not jobs:
            raise OperationsError(f"AWS Batch has no job {run_id}; it deletes jobs some days after their end.")
        return dict(jobs[0])

    @property
    def _batch(self) -> Any:
        return self._account.client("batch")

    @property
    def _logs(self) -> Any:
        return self._account.client("logs")


def _run(job: dict[str, Any]) -> Run:
    container = job.get("container") or {}
    state = _STATES.get(job["status"], State.PENDING)
    if state is State.FAILED and (job.get("isTerminated") or job.get("isCancelled")):
        state = State.CANCELLED
    return Run(
        id=job["jobId"],
        state=state,
        created=read_milliseconds(job["createdAt"]) or datetime.now(UTC),
        reason=_reason(job, container) if state in (State.FAILED, State.CANCELLED, State.PENDING) else "",
        started=read_milliseconds(job.get("startedAt")),
        stopped=read_milliseconds(job.get("stoppedAt")),
        **read_origin(container.get("environment")),
    )


def _reason(job: dict[str, Any], container: dict[str, Any]) -> str:
    reasons = [str(job.get("statusReason") or ""), str(container.get("reason") or "")]
    stopped = job.get("isTerminated") or job.get("isCancelled")
    if container.get("exitCode") is not None and not stopped:
        reasons.append(f"exit code {container['exitCode']}")
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["timestamp"] / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
