"""The watch on Google Cloud: the executions of a Cloud Run job, and Numerai's keys in Secret Manager."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Protocol

from trigger.http_call import call_until_answered
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED, JobRun, read_time
from trigger.numerai_api import Keys
from trigger.starts import read_run_id
from trigger.table import Row, StoreError

_SECRETS = "https://secretmanager.googleapis.com/v1"
_STATES = {"CONDITION_SUCCEEDED": SUCCEEDED, "CONDITION_FAILED": FAILED}
# The ends of a run for which Cloud Run has no exit code and gives no `executionReason`.
_LIMITS = ("The configured timeout was reached", "The configured memory limit was reached")


class CloudRun(Protocol):
    """`gcp.CloudRun`."""

    def list_executions(self, row: Row, page: str = "") -> dict[str, Any]: ...


class Identity(Protocol):
    """`gcp.Identity`."""

    def headers(self) -> dict[str, str]: ...


class Runs:
    """The executions of jobs."""

    def __init__(self, cluster: CloudRun) -> None:
        self._cluster = cluster

    def list_runs(self, row: Row) -> list[JobRun]:
        """List the newest executions; a page has a hundred."""
        return [read_run(execution) for execution in self._cluster.list_executions(row).get("executions", [])]


def read_run(execution: Mapping[str, Any]) -> JobRun:
    """Return an execution as a run. The reasons are those of `Condition.ExecutionReason` of the Cloud Run API."""
    conditions = {condition.get("type"): condition for condition in execution.get("conditions") or []}
    completed = conditions.get("Completed") or {}
    why, reason = completed.get("executionReason"), str(completed.get("message") or "")
    state = _STATES.get(str(completed.get("state")), RUNNING)
    if execution.get("cancelledCount") or why in ("CANCELLED", "DELETED"):
        state = STOPPED
    created = read_time(execution["createTime"])
    ended = read_time(execution["completionTime"]) if execution.get("completionTime") else created
    return JobRun(
        job=str(execution["name"]),
        run_id=read_run_id(execution["template"]["containers"]),
        state=state,
        created=created,
        ended=None if state == RUNNING else ended,
        own_fault=why == "NON_ZERO_EXIT_CODE" or any(limit in reason for limit in _LIMITS),
        reason=reason,
        started=read_time(execution["startTime"]) if execution.get("startTime") else None,
    )


class Secrets:
    """Secrets, of which the newest versions count. An account's keys are two of them."""

    def __init__(self, project: str, identity: Identity) -> None:
        self._secrets, self._identity = f"{_SECRETS}/projects/{project}/secrets", identity

    def read_keys(self, reference: str) -> Keys:
        """Read both; `reference` is their names, separated by ~. Raises StoreError."""
        public_id, _, secret = reference.partition("~")
        return Keys(self.read(public_id), self.read(secret))

    def read(self, name: str) -> str:
        """Return a secret's value. Raises StoreError."""
        try:
            answer = call_until_answered(
                "GET", f"{self._secrets}/{name}/versions/latest:access", self._identity.headers()
            )
        except OSError as error:
            raise StoreError(f"Secret Manager did not answer: {error}") from error
        if answer.status != 200:
            raise StoreError(f"the secret could not be read: {answer.status} {answer.reason()}")
        try:
            return base64.b64decode(json.loads(answer.body)["payload"]["data"]).decode()
        except (ValueError, KeyError, TypeError):
            raise StoreError("Secret Manager's answer has no key or address") from None
