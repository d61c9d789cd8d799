"""The page on this machine: read-only, on 127.0.0.1, under an address that nobody can guess.

Who may look: every path begins with a key made at each start, since other people's programs on this machine reach
127.0.0.1 as well. The browser is sent through a door that opens once, so that the key stands in no process list. A name
of the world's DNS that points here is refused by its Host header, requests that another site's page makes by what the
browser says of them, and no other site may read an answer or frame the page. Nothing that is served changes anything.
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

from pnodes.dashboard.log_text import Ended, follow
from pnodes.dashboard.page import asset, page, parts, policy
from pnodes.dashboard.sources import RUNS
from pnodes.dashboard.watch import Watch
from pnodes.dashboard.words import moment
from providers.operations import OperationsError, Run

_HOSTS = ["127.0.0.1", "localhost"]
_DOOR = """<!doctype html>
<meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/{key}/"><title>Dashboard</title>
<a href="/{key}/">Dashboard</a>
"""
_USED = "This address worked once. The one that works again is in the terminal of `pnodes dashboard`."


class Site:
    """The application of one start; `app` is ASGI."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.key, self._door = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._lock = threading.Lock()
        routes = [
            Route("/open/{door}", self._enter),
            Mount(
                f"/{self.key}",
                routes=[
                    Route("/", self._page),
                    Route("/parts", self._parts),
                    Route("/logs/{node}/trigger", self._trigger_log),
                    Route("/logs/{node}/runs/{run}", self._run_log),
                ],
            ),
            Route("/favicon.ico", lambda _request: Response(status_code=204)),
        ]
        guards = [Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False), Middleware(_Closed)]
        self.app = Starlette(routes=routes, middleware=guards)

    @property
    def path(self) -> str:
        """Where the page is."""
        return f"/{self.key}/"

    @property
    def door(self) -> str:
        """The way to the page that works once."""
        return f"/open/{self._door}"

    def _enter(self, request: Request) -> Response:
        with self._lock:
            given = request.path_params["door"].encode()
            if not self._door or not secrets.compare_digest(given, self._door.encode()):
                return PlainTextResponse(_USED, 403)
            self._door = ""
        return HTMLResponse(_DOOR.format(key=self.key))

    def _page(self, _request: Request) -> Response:
        self._watch.seen(anew=True)
        snapshot = self._watch.snapshot()
        return HTMLResponse(page(snapshot, parts(snapshot)))

    def _parts(self, request: Request) -> Response:
        """The parts in their order, with the HTML of those whose version the page does not have."""
        self._watch.seen()
        have = set(request.query_params.get("have", "").split(","))
        snapshot = self._watch.snapshot()
        told = [
            {"id": part.id, "version": part.version} | ({} if part.version in have else {"html": part.html})
            for part in parts(snapshot)
        ]
        newest = max((answer.at for answer in snapshot.answers.values() if answer.at), default=None)
        return JSONResponse({"as_of": moment(newest) if newest else "never", "parts": told})

    def _trigger_log(self, request: Request) -> Response:
        return self._log(request.path_params["node"], None)

    def _run_log(self, request: Request) -> Response:
        name, run_id = request.path_params["node"], request.path_params["run"]
        # Only runs that the page shows: the id goes into an address of the cloud's API.
        known: list[Run] = self._watch.snapshot().of(RUNS, name).value or []
        run = next((run for run in known if run.id == run_id), None)
        if run is None:
            return PlainTextResponse(f"{name} has no run {run_id} on this page.", 404)
        return self._log(name, run)

    def _log(self, name: str, run: Run | None) -> Response:
        snapshot = self._watch.snapshot()
        if name not in snapshot.deployment.nodes:
            return PlainTextResponse(f"There is no node {name}.", 404)
        self._watch.seen()
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
        self._watch.seen()
        if self._watch.stopping.wait(seconds):
            raise Ended


class _Closed:
    """Refuses what another site's page asks for, and tells the browser to keep what it gets to itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        allowed = policy("'self'", (asset("page.css"), asset("page.js")))
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
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if Headers(scope=scope).get("sec-fetch-site", "none") not in ("none", "same-origin"):
            await PlainTextResponse("Another site's page may not ask for this.", 403)(scope, receive, sent)
            return
        await self._app(scope, receive, sent)
