"""The control API of the daemon, for the CLI, the demo and the tests: what is deployed, what ran, open a round now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from fastapi import FastAPI, HTTPException
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

if TYPE_CHECKING:
    from sandbox.daemon import Daemon


class Key(BaseModel):
    """A further key pair: of which of the sandbox's accounts, and what it may do."""

    account: str
    scopes: list[str]


class Round(BaseModel):
    """Which tournament's round to open, all three when none is named; for how many seconds, an hour by itself."""

    tournament: Literal["classic", "signals", "crypto"] | None = None
    open_for: float | None = None


class Clock(Round):
    """Rounds that open by themselves, every so many seconds; None for no more."""

    every: float | None = None


def control_app(daemon: Daemon) -> FastAPI:
    """The API; served on loopback only."""
    app = FastAPI(title="prediction-nodes sandbox", openapi_url=None)
    kernel, numerai = daemon.kernel, daemon.numerai

    @app.get("/status")
    def status() -> dict[str, Any]:
        return {
            "executor": daemon.choice.executor,
            "executor_reason": daemon.choice.reason,
            "functions": len(kernel.functions.names()),
            "resources": {cloud.name: len(cloud.resources()) for cloud in daemon.clouds},
            "runs": [_run(run) for run in kernel.executor.runs()],
            "clock": numerai.clock(),
        }

    @app.get("/resources/{cloud}")
    def resources(cloud: str) -> dict[str, Any]:
        found = [one for one in daemon.clouds if one.name == cloud]
        return {"resources": [{"type": r.type, "id": r.id, "urn": r.urn} for one in found for r in one.resources()]}

    @app.post("/open-round")
    def open_round(wanted: Round) -> dict[str, Any]:
        given = {} if wanted.open_for is None else {"open_for": timedelta(seconds=wanted.open_for)}
        with _refused():
            return dict(numerai.open_round(wanted.tournament, **given))

    @app.post("/clock")
    def set_clock(wanted: Clock) -> dict[str, Any]:
        every, open_for = (
            None if value is None else timedelta(seconds=value) for value in (wanted.every, wanted.open_for)
        )
        with _refused():
            return {"clock": numerai.set_clock(every, wanted.tournament, open_for)}

    @app.post("/retry-webhooks")
    def retry_webhooks() -> dict[str, Any]:
        return {"triggers": numerai.retry_webhooks()}

    @app.get("/models")
    def models() -> dict[str, Any]:
        return {"models": numerai.models()}

    @app.post("/keys")
    def keys(wanted: Key) -> dict[str, Any]:
        public_id, secret_key = numerai.add_key(*wanted.scopes, account=wanted.account)
        return {"public_id": public_id, "secret_key": secret_key}

    @app.get("/runs")
    def runs() -> dict[str, Any]:
        return {"runs": [_run(run) for run in kernel.executor.runs()]}

    @app.get("/runs/{run_id}/logs")
    def logs(run_id: str) -> PlainTextResponse:
        if kernel.executor.get(run_id) is None:
            raise HTTPException(404, f"there is no run {run_id}")
        return PlainTextResponse(kernel.executor.logs(run_id))

    @app.get("/submissions")
    def submissions() -> dict[str, Any]:
        return {"submissions": numerai.submissions()}

    @app.get("/functions")
    def functions() -> dict[str, Any]:
        return {"functions": {key: kernel.functions.log_lines(key) for key in kernel.functions.names()}}

    return app


@contextmanager
def _refused() -> Iterator[None]:
    """What Numerai's stand-in does not do is an answer with its sentence."""
    try:
        yield
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


def _run(run: Any) -> dict[str, Any]:
    return {key: value for key, value in asdict(run).items() if key != "log_path"}
