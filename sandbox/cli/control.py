"""A client of the sandbox's control API, which reports resources, runs and submissions and opens rounds."""

from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from pnodes.errors import UserError

_ROUND_TIMEOUT = 120.0
Record = TypeVar("Record", "Trigger", "RunRecord", "Submission")


@dataclass(frozen=True)
class Trigger:
    """One call of a model's webhook by the sandbox's Numerai, and the webhook's answer."""

    model_id: str
    trigger_id: str
    status: int
    seconds: float
    answer: str

    @property
    def accepted(self) -> bool:
        """Whether the webhook accepted the call."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class RunRecord:
    """One run of a job."""

    cloud: str
    job: str
    run_id: str
    state: str
    reason: str
    trigger_id: str
    created: float
    started: float | None
    stopped: float | None

    @property
    def ended(self) -> bool:
        """Whether the run has reached its final state."""
        return self.state in ("SUCCEEDED", "FAILED")

    @property
    def seconds(self) -> float | None:
        """The seconds from creation to end; None while the run has not ended."""
        return None if self.stopped is None else self.stopped - self.created


@dataclass(frozen=True)
class Submission:
    """One submission that the sandbox's Numerai accepted."""

    model_id: str
    trigger_id: str | None
    round: int
    rows: int
    tournament: str


class Control:
    """The control API of one running sandbox. Requests never go through a proxy."""

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(base_url=address, trust_env=False, timeout=30, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def status(self) -> dict[str, Any]:
        """Return the executor, the clock, and the numbers of resources and functions."""
        status: dict[str, Any] = self._request("GET", "/status").json()
        return status

    def open_round(self, tournament: str | None = None, open_for: float | None = None) -> tuple[int, list[Trigger]]:
        """Open a round for `open_for` seconds and call the webhooks; return the round's number and the calls."""
        body = {"tournament": tournament, "open_for": open_for}
        answer = self._request("POST", "/open-round", body, timeout=_ROUND_TIMEOUT).json()
        return answer["round"], [_build_record(Trigger, call) for call in answer["triggers"]]

    def open_lost_round(self, tournament: str) -> int:
        """Open a round of a tournament, whose webhooks are lost; return its number."""
        return int(self._request("POST", "/open-round", {"tournament": tournament, "lost": True}).json()["round"])

    def set_outage(self, cloud: str, down: bool) -> None:
        """Let a cloud answer no call, or end that."""
        self._request("POST", "/outage", {"cloud": cloud, "down": down})

    def order_crash(self, cloud: str, job: str, reason: str) -> None:
        """Let the next run of a job fail, whose id contains `job`."""
        self._request("POST", f"/faults/{cloud}", {"method": "START", "where": job, "reason": reason})

    def tick(self, minute: datetime) -> None:
        """Let the clouds' schedulers start what is due in a minute, and wait for its end."""
        self._request("POST", "/tick", {"minute": minute.isoformat()}, timeout=_ROUND_TIMEOUT)

    def list_free_models(self, tournament: str) -> list[str]:
        """List the ids of the first account's models that have no webhook."""
        models = self._request("GET", "/models").json()["models"]
        own = [each for each in models if each["account"] == models[0]["account"]]
        return [each["id"] for each in own if each["tournament"] == tournament and not each["webhook"]]

    def set_clock(
        self, every: float | None, tournament: str | None = None, open_for: float | None = None
    ) -> str | None:
        """Open a round every `every` seconds, or stop doing so; return when the next one opens (ISO 8601) or None."""
        body = {"every": every, "tournament": tournament, "open_for": open_for}
        clock = self._request("POST", "/clock", body).json()["clock"]
        return str(clock["next"]) if clock else None

    def retry_webhooks(self) -> list[Trigger]:
        """Repeat the failed webhook calls; return the repeated calls."""
        answer = self._request("POST", "/retry-webhooks", timeout=_ROUND_TIMEOUT).json()
        return [_build_record(Trigger, call) for call in answer["triggers"]]

    def list_runs(self) -> list[RunRecord]:
        """List all runs, oldest first."""
        return [_build_record(RunRecord, run) for run in self._request("GET", "/runs").json()["runs"]]

    def list_submissions(self) -> list[Submission]:
        """List all submissions, oldest first."""
        answer = self._request("GET", "/submissions").json()
        return [_build_record(Submission, submission) for submission in answer["submissions"]]

    def list_messages(self) -> list[dict[str, Any]]:
        """List the alerts and heartbeats that have arrived, oldest first."""
        messages: list[dict[str, Any]] = self._request("GET", "/inbox").json()["messages"]
        return messages

    def read_log(self, run_id: str) -> str:
        """Return a run's output so far."""
        return self._request("GET", f"/runs/{run_id}/logs").text

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float | None = None
    ) -> httpx.Response:
        limit: Any = httpx.USE_CLIENT_DEFAULT if timeout is None else timeout
        try:
            answer = self._client.request(method, path, json=body, timeout=limit)
        except httpx.HTTPError as error:
            raise UserError(
                f"The sandbox did not answer {method} {path} ({type(error).__name__}: {error}). "
                "Read its log with `pnodes sandbox logs`."
            ) from None
        if answer.is_error:
            raise UserError(f"The sandbox answered {method} {path} with {answer.status_code}: {answer.text.strip()}")
        return answer


def _build_record(kind: type[Record], answer: dict[str, Any]) -> Record:
    """Build a record from the keys of an answer that are fields of the record."""
    fields: dict[str, Any] = {name: answer.get(name) for name in kind.__dataclass_fields__}
    return kind(**fields)
