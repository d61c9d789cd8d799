"""The daemon's control API for the CLI, the demo and the tests: resources, runs, submissions and rounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from sandbox.faults import Fault
from sandbox.inbox import list_messages
from sandbox.steps import StepFault

if TYPE_CHECKING:
    from sandbox.daemon import Daemon


class Key(BaseModel):
    """A request for another Numerai key pair: its account and its scopes."""

    account: str
    scopes: list[str]


class Round(BaseModel):
    """A request to open a round: by default for all three tournaments and for an hour; `open_for` is in seconds."""

    tournament: Literal["classic", "signals", "crypto"] | None = None
    open_for: float | None = None
    lost: bool = False
    """Whether Numerai's calls of the webhooks are lost."""


class Tick(BaseModel):
    """A request to the clouds' schedulers to start what is due in a minute (UTC, ISO 8601)."""

    minute: datetime


class Outage(BaseModel):
    """A request to let a cloud answer no call and start no schedule, or to end that."""

    cloud: str
    down: bool = True


class Clock(Round):
    """A request to open rounds at intervals of `every` seconds; None stops them."""

    every: float | None = None


class Limit(BaseModel):
    """A request to let Numerai accept only so many changes of webhooks within so many seconds."""

    changes: int
    seconds: float = 60


def control_app(daemon: Daemon) -> FastAPI:
    """Build the API, which the daemon serves on loopback only."""
    app = FastAPI(title="prediction-nodes sandbox", openapi_url=None)
    kernel, numerai = daemon.kernel, daemon.numerai

    @app.get("/status")
    def status() -> dict[str, Any]:
        return {
            "executor": daemon.choice.executor,
            "executor_reason": daemon.choice.reason,
            "functions": len(kernel.functions.names()),
            "resources": {cloud.name: len(cloud.resources()) for cloud in daemon.clouds},
            "runs": [_describe(run) for run in kernel.executor.runs()],
            "clock": numerai.clock(),
            "refused_webhook_changes": numerai.webhook_changes.refused,
        }

    @app.get("/resources/{cloud}")
    def resources(cloud: str) -> dict[str, Any]:
        resources = [resource for owner in daemon.clouds if owner.name == cloud for resource in owner.resources()]
        return {"resources": [{"type": r.type, "id": r.id, "urn": r.urn} for r in resources]}

    @app.post("/faults/{cloud}")
    def order_fault(cloud: str, fault: Fault) -> None:
        for owner in daemon.clouds:
            if owner.name == cloud:
                owner.faults.order(fault)

    @app.post("/outage")
    def set_outage(outage: Outage) -> None:
        for owner in daemon.clouds:
            if owner.name == outage.cloud:
                owner.faults.down = outage.down

    @app.post("/steps/{package}")
    def order_step_fault(package: str, fault: StepFault) -> None:
        daemon.step_faults[package].order(fault)

    @app.delete("/steps")
    def clear_step_faults() -> None:
        for faults in daemon.step_faults.values():
            faults.clear()

    @app.post("/open-round")
    def open_round(round_: Round) -> dict[str, Any]:
        options = {} if round_.open_for is None else {"open_for": timedelta(seconds=round_.open_for)}
        with _refuse_invalid():
            return dict(numerai.open_round(round_.tournament, lost=round_.lost, **options))

    @app.post("/tick")
    def tick(tick: Tick) -> None:
        for cloud in daemon.clouds:
            if cloud.clock and not cloud.faults.down:
                cloud.clock.tick(tick.minute.astimezone(UTC))

    @app.post("/clock")
    def set_clock(clock: Clock) -> dict[str, Any]:
        every, open_for = (
            None if value is None else timedelta(seconds=value) for value in (clock.every, clock.open_for)
        )
        with _refuse_invalid():
            return {"clock": numerai.set_clock(every, clock.tournament, open_for)}

    @app.post("/webhook-changes")
    def limit_webhook_changes(limit: Limit) -> None:
        numerai.webhook_changes.limit(limit.changes, limit.seconds)

    @app.post("/retry-webhooks")
    def retry_webhooks() -> dict[str, Any]:
        return {"triggers": numerai.retry_webhooks()}

    @app.get("/models")
    def models() -> dict[str, Any]:
        return {"models": numerai.models()}

    @app.post("/keys")
    def keys(key: Key) -> dict[str, Any]:
        public_id, secret_key = numerai.add_key(*key.scopes, account=key.account)
        return {"public_id": public_id, "secret_key": secret_key}

    @app.get("/runs")
    def runs() -> dict[str, Any]:
        return {"runs": [_describe(run) for run in kernel.executor.runs()]}

    @app.get("/runs/{run_id}/logs")
    def logs(run_id: str) -> PlainTextResponse:
        if kernel.executor.get(run_id) is None:
            raise HTTPException(404, f"there is no run {run_id}")
        return PlainTextResponse(kernel.executor.logs(run_id))

    @app.get("/submissions")
    def submissions() -> dict[str, Any]:
        return {"submissions": numerai.submissions()}

    @app.get("/inbox")
    def inbox() -> dict[str, Any]:
        for cloud in daemon.clouds:
            cloud.send_emails()
        return {"messages": list_messages(kernel.store)}

    @app.post("/cold-start")
    def let_functions_start_again() -> None:
        kernel.functions.stop()

    @app.get("/functions")
    def functions() -> dict[str, Any]:
        return {"functions": {key: kernel.functions.log_lines(key) for key in kernel.functions.names()}}

    return app


@contextmanager
def _refuse_invalid() -> Iterator[None]:
    """Answer 422 with the message if the sandbox's Numerai raises ValueError."""
    try:
        yield
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


def _describe(run: Any) -> dict[str, Any]:
    return {key: value for key, value in asdict(run).items() if key != "log_path"}
