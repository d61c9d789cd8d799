"""Serve the page on this machine: read-only, on 127.0.0.1, under an address that nobody can guess.

Other users' programs on this machine can reach 127.0.0.1 too, so every path begins with a random key that is generated
at each start. The browser opens a one-time address, so that the key never appears in the list of processes. Requests
with a foreign Host header (DNS rebinding) and requests that the browser marks as cross-site (Sec-Fetch-Site) are
refused, and headers prevent other sites from reading answers or framing the page.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pnodes.dashboard.log_text import ReaderLeft, follow
from pnodes.dashboard.page import build_policy, read_asset, render_page, render_parts
from pnodes.dashboard.sources import RUNS
from pnodes.dashboard.watch import Watch
from pnodes.dashboard.words import moment
from providers.operations import OperationsError, Run

_HOSTS = ["127.0.0.1", "localhost"]
_REDIRECT = """<!doctype html>
<meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/{key}/"><title>Dashboard</title>
<a href="/{key}/">Dashboard</a>
"""
_USED = "This address works only once. Use the address that `pnodes dashboard` has printed in the terminal."


class Site:
    """The web application of one start; `app` is its ASGI callable."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.key, self._one_time_key = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.path, self.one_time_path = f"/{self.key}/", f"/open/{self._one_time_key}"
        """The paths of the page, and of the redirection to it that works once."""
        self._lock = threading.Lock()
        routes = [
            Route("/open/{key}", self._enter),
            Mount(
                f"/{self.key}",
                routes=[
                    Route("/", self._page),
                    Route("/parts", self._parts),
                    Route("/logs/{node}/trigger", lambda request: self._log(request.path_params["node"], None)),
                    Route("/logs/{node}/runs/{run}", self._run_log),
                ],
            ),
            Route("/favicon.ico", lambda _request: Response(status_code=204)),
        ]
        guards = [Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False), Middleware(_SameOrigin)]
        self.app = Starlette(routes=routes, middleware=guards)

    def _enter(self, request: Request) -> Response:
        with self._lock:
            key = request.path_params["key"].encode()
            if not self._one_time_key or not secrets.compare_digest(key, self._one_time_key.encode()):
                return PlainTextResponse(_USED, 403)
            self._one_time_key = ""
        return HTMLResponse(_REDIRECT.format(key=self.key))

    def _page(self, _request: Request) -> Response:
        self._watch.note_reader(page_loaded=True)
        snapshot = self._watch.snapshot()
        return HTMLResponse(render_page(snapshot, render_parts(snapshot)))

    def _parts(self, request: Request) -> Response:
        """Return the parts in their order; those whose version the page already has come without HTML."""
        opened = request.query_params.get("open", "")
        self._watch.note_reader(opened=opened)
        have = set(request.query_params.get("have", "").split(","))
        snapshot = self._watch.snapshot()
        parts = [
            {"id": part.id, "version": part.version} | ({} if part.version in have else {"html": part.html})
            for part in render_parts(snapshot, opened=opened)
        ]
        newest = max((answer.at for answer in snapshot.answers.values() if answer.at), default=None)
        return JSONResponse({"as_of": moment(newest) if newest else "never", "parts": parts})

    def _run_log(self, request: Request) -> Response:
        name, run_id = request.path_params["node"], request.path_params["run"]
        # Accept only runs that the page shows: the id becomes part of an address of the cloud's API.
        runs: list[Run] = self._watch.snapshot().of(RUNS, name).value or []
        run = next((run for run in runs if run.id == run_id), None)
        if run is None:
            return PlainTextResponse(f"{name} has no run {run_id} on this page.", 404)
        return self._log(name, run)

    def _log(self, name: str, run: Run | None) -> Response:
        snapshot = self._watch.snapshot()
        if name not in snapshot.deployment.nodes:
            return PlainTextResponse(f"There is no node {name}.", 404)
        self._watch.note_reader()
        try:
            cloud = snapshot.deployment.operations(name)
            current = cloud.run(run.id) if run is not None and not run.state.ended else run
        except OperationsError as error:
            return PlainTextResponse(snapshot.scrubber.scrub_foreign(str(error)), 502)

        def lines() -> Iterator[str]:
            for message in follow(snapshot.scrubber, cloud, current, self._pause):
                yield json.dumps(message) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    def _pause(self, seconds: float) -> None:
        self._watch.note_reader()
        if self._watch.stopping.wait(seconds):
            raise ReaderLeft


class _SameOrigin:
    """Refuses requests from other sites' pages, and sends headers that keep answers from them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        allowed = build_policy("'self'", read_asset("page.css"), read_asset("page.js"))
        self._headers = {
            "content-security-policy": f"{allowed}; frame-ancestors 'none'",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cache-control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if Headers(scope=scope).get("sec-fetch-site", "none") not in ("none", "same-origin"):
            await PlainTextResponse("Pages of other sites may not request this.", 403)(
                scope, receive, send_with_headers
            )
            return
        await self._app(scope, receive, send_with_headers)
