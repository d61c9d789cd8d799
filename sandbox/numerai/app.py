"""The simulated Numerai: an ASGI app for its hosts, and methods with which the control API opens rounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.network import Network
from sandbox.numerai.accounts import ACCOUNT, Accounts, Refused
from sandbox.numerai.api import Api
from sandbox.numerai.datasets import Datasets
from sandbox.numerai.mutations import Mutation
from sandbox.numerai.queries import Query
from sandbox.numerai.rate import Rate
from sandbox.numerai.rounds import OPEN_FOR, Rounds
from sandbox.numerai.scores import Scores
from sandbox.numerai.submissions import Submissions
from sandbox.numerai.timetable import Timetable
from sandbox.numerai.tournaments import Tournament
from sandbox.numerai.webhooks import Post, Webhooks, check_url, post_through
from sandbox.store import Store

API_HOST = "api-tournament.numer.ai"
DATASETS_HOST = "datasets.sandbox.numer.ai"
UPLOADS_HOST = "uploads.sandbox.numer.ai"
HOSTS = frozenset({API_HOST, DATASETS_HOST, UPLOADS_HOST})


class Kernel(Protocol):
    """The part of the sandbox's kernel that Numerai needs."""

    @property
    def home(self) -> Path: ...
    @property
    def store(self) -> Store: ...
    @property
    def network(self) -> Network: ...


class Numerai:
    """The simulated Numerai. All of its state is in the kernel's store and home, so it survives a restart."""

    def __init__(
        self,
        kernel: Kernel,
        post: Post | None = None,
        datasets_url: str = f"https://{DATASETS_HOST}",
        uploads_url: str = f"https://{UPLOADS_HOST}",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._accounts = Accounts(kernel.store)
        self._rounds = Rounds(kernel.store, now)
        self._datasets = Datasets(kernel.home, self._rounds)
        self._webhooks = Webhooks(kernel.store, post or post_through(kernel.network), now)
        self._timetable = Timetable(kernel.store, now)
        self.webhook_changes = Rate()
        self._submissions = Submissions(kernel.store, self._rounds, self._datasets, self._webhooks, uploads_url, now)
        self._api = Api(
            Query(
                self._accounts,
                self._rounds,
                self._submissions,
                Scores(self._accounts, self._rounds, self._submissions, now),
                datasets_url,
            ),
            Mutation(self._accounts, self._rounds, self._submissions, self._webhooks),
        )
        self.public_id, self.secret_key = self._accounts.first_key()
        self.app = Starlette(
            routes=[
                Route("/", self._graphql, methods=["POST"]),
                Route("/data/{name:path}", self._dataset, methods=["GET"]),
                Route("/submissions/{name}", self._upload, methods=["PUT"]),
                Route("/submissions/{name}", self._download, methods=["GET"]),
            ]
        )

    def owns(self, host: str) -> bool:
        """Return whether requests to this host name (lower case, no port) are for Numerai."""
        return host in HOSTS

    # for the control API and for tests

    def open_round(
        self, tournament: str | None = None, open_for: timedelta = OPEN_FOR, lost: bool = False
    ) -> dict[str, Any]:
        """Open the next round of one tournament, or of all three, and call its models' webhooks, unless all are `lost`.

        Returns {"round", "tournaments", "triggers": [...]} once every webhook has answered or timed out.
        """
        kinds = [Tournament(tournament)] if tournament else list(Tournament)
        opened = self._rounds.open(kinds, open_for)
        models = [] if lost else self._accounts.all_models()
        called = [m for m in models if m["webhook"] and m["tournament"] in kinds]
        triggers = self._webhooks.fire_all(called, opened["number"])
        return {"round": opened["number"], "tournaments": opened["tournaments"], "triggers": triggers}

    def set_clock(
        self, every: timedelta | None, tournament: str | None = None, open_for: timedelta | None = None
    ) -> dict[str, Any] | None:
        """Open a round at this interval from now on, or stop (None); return the clock. Raises ValueError."""
        if every is None:
            self._timetable.clear()
            return None
        return self._timetable.set(every, Tournament(tournament).value if tournament else None, open_for)

    def clock(self) -> dict[str, Any] | None:
        """Return the clock that opens rounds automatically, or None."""
        return self._timetable.describe()

    def retry_webhooks(self) -> list[dict[str, Any]]:
        """Repeat failed webhook calls now instead of when they are due; return the repeated calls."""
        return self._webhooks.retry(self._accounts.all_models(), due_only=False)

    def tick(self) -> None:
        """Open a round and repeat webhook calls if they are due. The daemon calls this every second."""
        if clock := self._timetable.due():
            # By default, a round closes before the next one opens.
            seconds = clock["open_for"] or min(OPEN_FOR.total_seconds(), clock["every"])
            self.open_round(clock["tournament"], timedelta(seconds=seconds))
        self._webhooks.retry(self._accounts.all_models(), due_only=True)

    def rounds(self, tournament: str) -> list[dict[str, Any]]:
        """Return the rounds of a tournament, newest first."""
        kind = Tournament(tournament)
        return [self._rounds.describe(doc, kind) for doc in self._rounds.of(kind)]

    def triggers(self) -> list[dict[str, Any]]:
        """Return every webhook call so far, oldest first."""
        return self._webhooks.triggers()

    def submissions(self, model_id: str | None = None) -> list[dict[str, Any]]:
        """Return every valid submission so far, oldest first, with `corr`: its rank correlation with the target."""
        return self._submissions.all(model_id)

    def models(self) -> list[dict[str, Any]]:
        """Return the models of every account."""
        return self._accounts.all_models()

    def add_model(
        self, name: str, tournament: str, model_id: str | None = None, account: str = ACCOUNT
    ) -> dict[str, Any]:
        """Create a model, by default in the sandbox's first account."""
        return self._accounts.add_model(name, tournament, model_id, account)

    def set_webhook(self, model_id: str, url: str | None) -> None:
        """Set a model's webhook, as its owner would; None clears it."""
        try:
            self._accounts.change(model_id, webhook=check_url(url))
        except Refused as refusal:
            raise ValueError(str(refusal)) from refusal

    def add_key(self, *scopes: str, account: str = ACCOUNT) -> tuple[str, str]:
        """Create another key pair with only these scopes; return (public id, secret key)."""
        return self._accounts.add_key(scopes, account)

    # routes

    async def _graphql(self, request: Request) -> Response:
        caller = None
        if header := request.headers.get("authorization"):
            public_id, _, secret_key = header.removeprefix("Token ").partition("$")
            caller = self._accounts.caller(public_id, secret_key)
            if caller is None:
                return JSONResponse({"errors": [{"message": "Invalid API key."}]}, status_code=401)
        try:
            body = await request.json()
        except ValueError:
            body = None
        query = body.get("query") if isinstance(body, dict) else None
        variables = body.get("variables") if isinstance(body, dict) else None
        if not isinstance(query, str) or not isinstance(variables, dict | None):
            return JSONResponse(
                {"errors": [{"message": 'Expected a JSON object with "query" and optionally "variables".'}]}, 400
            )
        if "setSubmissionWebhook" in query and (seconds := self.webhook_changes.refuse()):
            return PlainTextResponse("Too Many Requests", status_code=429, headers={"Retry-After": str(seconds)})
        return JSONResponse(await run_in_threadpool(self._api.answer, query, variables, caller))

    def _dataset(self, request: Request) -> Response:
        number = request.query_params.get("round", "0")
        try:
            return FileResponse(self._datasets.file(request.path_params["name"], int(number)))
        except (Refused, ValueError) as error:
            return PlainTextResponse(str(error), status_code=404)

    async def _upload(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._submissions.is_permitted(name, request.query_params.get("signature", "")):
            return PlainTextResponse("SignatureDoesNotMatch", status_code=403)
        self._submissions.put(name, await request.body())
        return Response(status_code=200)

    def _download(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._submissions.is_permitted(name, request.query_params.get("signature", "")):
            return PlainTextResponse("SignatureDoesNotMatch", status_code=403)
        content = self._submissions.content(name)
        return Response(content or b"", status_code=200 if content else 404, media_type="text/csv")
