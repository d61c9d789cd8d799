"""The watch on Azure: the executions of a Container Apps job, and Numerai's keys in Key Vault."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from trigger.http_call import call_until_answered
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED, JobRun, read_time
from trigger.numerai_api import Keys
from trigger.starts import read_run_id
from trigger.table import Row, StoreError

_VAULT, _VAULT_VERSION = "https://vault.azure.net", "7.4"
_STATES = {"Succeeded": SUCCEEDED, "Failed": FAILED, "Degraded": FAILED, "Stopped": STOPPED}


class ContainerApps(Protocol):
    """`azure.ContainerApps`."""

    def list_executions(self, row: Row) -> Iterator[dict[str, Any]]: ...


class Identity(Protocol):
    """`azure.Identity`."""

    def headers(self, resource: str) -> dict[str, str]: ...


class Runs:
    """The executions of jobs. Azure keeps the last hundred or so of each."""

    def __init__(self, cluster: ContainerApps) -> None:
        self._cluster = cluster

    def list_runs(self, row: Row) -> list[JobRun]:
        """List the job's executions."""
        return [read_run(execution) for execution in self._cluster.list_executions(row)]


def read_run(execution: Mapping[str, Any]) -> JobRun:
    """Return an execution as a run. Azure does not say why one failed."""
    properties = execution.get("properties") or {}
    state = _STATES.get(str(properties.get("status")), RUNNING)
    # An execution that waits for its start has no time yet.
    created = read_time(properties["startTime"]) if properties.get("startTime") else time.time()
    ended = read_time(properties["endTime"]) if properties.get("endTime") else created
    return JobRun(
        job=str(execution["id"]),
        run_id=read_run_id((properties.get("template") or {}).get("containers") or ()),
        state=state,
        created=created,
        ended=None if state == RUNNING else ended,
        reason="the execution failed" if state == FAILED else "",
    )


class Secrets:
    """Secrets, of which the newest versions count. An account's keys are two of its vault."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def read_keys(self, reference: str) -> Keys:
        """Read both; `reference` is their addresses, separated by ~. Raises StoreError."""
        public_id, _, secret = reference.partition("~")
        return Keys(self.read(public_id), self.read(secret))

    def read(self, url: str) -> str:
        """Return a secret's value. Raises StoreError."""
        try:
            answer = call_until_answered("GET", f"{url}?api-version={_VAULT_VERSION}", self._identity.headers(_VAULT))
        except OSError as error:
            raise StoreError(f"Key Vault did not answer: {error}") from error
        if answer.status != 200:
            raise StoreError(f"the secret could not be read: {answer.status} {answer.reason()}")
        try:
            return str(json.loads(answer.body)["value"])
        except (ValueError, KeyError, TypeError):
            raise StoreError("Key Vault's answer has no key or address") from None
