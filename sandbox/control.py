"""The control API of the daemon, for the CLI, the demo and the tests: what is deployed, what ran, open a round now."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

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
    """Which tournament's round to open; all three when none is named."""

    tournament: str | None = None


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
        }

    @app.get("/resources/{cloud}")
    def resources(cloud: str) -> dict[str, Any]:
        found = [one for one in daemon.clouds if one.name == cloud]
        return {"resources": [{"type": r.type, "id": r.id, "urn": r.urn} for one in found for r in one.resources()]}

    @app.post("/open-round")
    def open_round(wanted: Round) -> dict[str, Any]:
        return dict(numerai.open_round(wanted.tournament))

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


def _run(run: Any) -> dict[str, Any]:
    return {key: value for key, value in asdict(run).items() if key != "log_path"}
