"""The watch on AWS: the runs of a job in Batch, and Numerai's keys in Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from trigger.http_call import call_until_answered
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED, JobRun
from trigger.numerai_api import Keys
from trigger.table import Row, StoreError

BY_A_PERSON = "stopped with `pnodes stop`"
"""The reason that `pnodes stop` gives (`providers.operations.STOPPED`); Batch's list does not mark other stops."""
_TIMED_OUT = "Job attempt duration exceeded timeout"


class Batch(Protocol):
    """`aws.Batch`."""

    def list_jobs(self, query: dict[str, Any]) -> dict[str, Any]: ...


class Signer(Protocol):
    """`aws.Signer`."""

    def locate(self) -> str: ...

    def sign(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> dict[str, str]: ...


class Runs:
    """The runs of jobs, by their definition."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def list_runs(self, row: Row) -> list[JobRun]:
        """ListJobs by definition, newest first; a hundred are more than those of a day."""
        filters = [{"name": "JOB_DEFINITION", "values": [row.job]}]
        page = self._batch.list_jobs({"jobQueue": row.queue, "filters": filters, "maxResults": 100})
        return [read_run(job) for job in page["jobSummaryList"]]


def read_run(job: Mapping[str, Any]) -> JobRun:
    """Return a job of ListJobs as a run."""
    container, reason = job.get("container") or {}, str(job.get("statusReason") or "")
    state = {"SUCCEEDED": SUCCEEDED, "FAILED": STOPPED if reason == BY_A_PERSON else FAILED}.get(job["status"], RUNNING)
    # A job whose container never started has no time of its end.
    ended = (job.get("stoppedAt") or job["createdAt"]) / 1000
    return JobRun(
        job=str(job["jobId"]),
        run_id=job["jobName"].rpartition("-")[0],
        state=state,
        created=job["createdAt"] / 1000,
        ended=None if state == RUNNING else ended,
        # A container that ran has an exit code, even if its machine was lost. One that took too long may have none.
        own_fault=reason.startswith(_TIMED_OUT)
        or (container.get("exitCode") is not None and not reason.startswith("Host EC2")),
        reason="; ".join(filter(None, (reason, str(container.get("reason") or "")))),
        started=job["startedAt"] / 1000 if job.get("startedAt") else None,
    )


class Secrets:
    """Secrets that are JSON objects. An account's keys are one, by the names of the container's variables."""

    def __init__(self, signer: Signer) -> None:
        self._url, self._signer = f"{signer.locate()}/", signer

    def read_keys(self, reference: str) -> Keys:
        """Return an account's keys; `reference` is the secret's name. Raises StoreError."""
        values = self.read(reference)
        try:
            return Keys(values["NUMERAI_PUBLIC_ID"], values["NUMERAI_SECRET_KEY"])
        except KeyError:
            raise StoreError("the secret does not hold the account's keys") from None

    def read(self, name: str) -> dict[str, str]:
        """GetSecretValue; returns {} if the value is not a JSON object. Raises StoreError."""
        body = json.dumps({"SecretId": name}).encode()
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.GetSecretValue"}
        try:
            answer = call_until_answered("POST", self._url, self._signer.sign("POST", self._url, headers, body), body)
        except OSError as error:
            raise StoreError(f"Secrets Manager did not answer: {error}") from error
        if answer.status != 200:
            raise StoreError(f"the secret could not be read: {answer.status} {answer.reason()}")
        try:
            return dict(json.loads(json.loads(answer.body)["SecretString"]))
        except (ValueError, KeyError, TypeError):
            return {}
