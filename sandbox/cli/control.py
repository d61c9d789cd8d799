"""A client of the sandbox's control API: what is deployed, what ran, open a round."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from pnodes.errors import UserError

_ROUND_TIMEOUT = 120.0
Record = TypeVar("Record", "Trigger", "RunRecord", "Submission")


@dataclass(frozen=True)
class Trigger:
    """One call of a model's webhook by the sandbox's Numerai, and what it answered."""

    model_id: str
    trigger_id: str
    status: int
    seconds: float
    answer: str

    @property
    def accepted(self) -> bool:
        """Whether the webhook took the call."""
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
        """Whether nothing more will happen to it."""
        return self.state in ("SUCCEEDED", "FAILED")

    @property
    def seconds(self) -> float | None:
        """From its creation to its end."""
        return None if self.stopped is None else self.stopped - self.created


@dataclass(frozen=True)
class Submission:
    """One submission that Numerai took."""

    model_id: str
    trigger_id: str | None
    round: int
    rows: int
    tournament: str


class Control:
    """The control API of one running sandbox. Never goes through a proxy."""

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(base_url=address, trust_env=False, timeout=30, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def status(self) -> dict[str, Any]:
        """Counts of what is deployed."""
        found: dict[str, Any] = self._ask("GET", "/status").json()
        return found

    def open_round(self, tournament: str | None = None, open_for: float | None = None) -> tuple[int, list[Trigger]]:
        """Opens a round for so many seconds and calls the webhooks; the round's number and the calls."""
        wanted = {"tournament": tournament, "open_for": open_for}
        answer = self._ask("POST", "/open-round", wanted, timeout=_ROUND_TIMEOUT).json()
        return answer["round"], [_take(Trigger, call) for call in answer["triggers"]]

    def set_clock(
        self, every: float | None, tournament: str | None = None, open_for: float | None = None
    ) -> str | None:
        """Opens a round every so many seconds from now on, or no more; when the next one opens (ISO 8601)."""
        wanted = {"every": every, "tournament": tournament, "open_for": open_for}
        clock = self._ask("POST", "/clock", wanted).json()["clock"]
        return str(clock["next"]) if clock else None

    def retry_webhooks(self) -> list[Trigger]:
        """Makes the second calls of webhooks that failed."""
        answer = self._ask("POST", "/retry-webhooks", timeout=_ROUND_TIMEOUT).json()
        return [_take(Trigger, call) for call in answer["triggers"]]

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first."""
        return [_take(RunRecord, run) for run in self._ask("GET", "/runs").json()["runs"]]

    def submissions(self) -> list[Submission]:
        """All submissions, oldest first."""
        return [_take(Submission, each) for each in self._ask("GET", "/submissions").json()["submissions"]]

    def log(self, run_id: str) -> str:
        """What a run has printed."""
        return self._ask("GET", f"/runs/{run_id}/logs").text

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float | None = None
    ) -> httpx.Response:
        limit: Any = httpx.USE_CLIENT_DEFAULT if timeout is None else timeout
        try:
            answer = self._client.request(method, path, json=body, timeout=limit)
        except httpx.HTTPError as error:
            raise UserError(
                f"The sandbox does not answer {method} {path} ({type(error).__name__}: {error}). "
                "See its log with `pnodes sandbox logs`."
            ) from None
        if answer.is_error:
            raise UserError(f"The sandbox refused {method} {path} with {answer.status_code}: {answer.text.strip()}")
        return answer


def _take(kind: type[Record], facts: dict[str, Any]) -> Record:
    """A record from those of the facts that it has a place for."""
    known: dict[str, Any] = {name: facts.get(name) for name in kind.__dataclass_fields__}
    return kind(**known)
