"""Submissions, in Numerai's three steps: the client gets an upload URL, puts the file there and creates the submission.

An invalid file is refused with the reason. A submission after the round has closed is accepted as `late`: it cannot be
staked, and does not replace one that was on time. A submission with a trigger id that Numerai never issued for the
model is also accepted, as at Numerai, and flagged.
"""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from sandbox.numerai.accounts import Refused
from sandbox.numerai.datasets import Datasets
from sandbox.numerai.rounds import Rounds, stamp
from sandbox.numerai.tournaments import Tournament
from sandbox.numerai.validation import Valid, check, read
from sandbox.numerai.webhooks import Webhooks
from sandbox.store import Store

_UPLOADS = "numerai-uploads"
_SUBMISSIONS = "numerai-submissions"
_LATEST = 5


class Submissions:
    """The uploads and submissions in the store."""

    def __init__(
        self,
        store: Store,
        rounds: Rounds,
        datasets: Datasets,
        webhooks: Webhooks,
        url: str,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._rounds = rounds
        self._datasets = datasets
        self._webhooks = webhooks
        self._url = url
        self._now = now

    def authorise(self, model: dict[str, Any], tournament: int, filename: str) -> dict[str, str]:
        """Authorise one upload: return the file's name at Numerai and the upload URL. Raises Refused."""
        if Tournament(model["tournament"]).number != tournament:
            raise Refused(
                f"Invalid tournament: model {model['name']} is in {model['tournament']} "
                f"({Tournament(model['tournament']).number}), not in {tournament}."
            )
        name = f"{uuid.uuid4()}-{PurePosixPath(filename).name or 'predictions.csv'}"
        return self._sign(name, {"model_id": model["id"]})

    def _sign(self, name: str, facts: dict[str, Any]) -> dict[str, str]:
        signature = secrets.token_urlsafe(24)
        self._store.put(_UPLOADS, name, {**facts, "signature": signature})
        return {"filename": name, "url": f"{self._url}/submissions/{quote(name)}?signature={signature}"}

    def is_permitted(self, name: str, signature: str) -> bool:
        """Return whether a signature gives access to a file."""
        doc = self._store.get(_UPLOADS, name)
        return doc is not None and hmac.compare_digest(doc["signature"].encode(), signature.encode())

    def put(self, name: str, content: bytes) -> None:
        """Store an uploaded file."""
        self._store.put_blob(_UPLOADS, name, content)

    def content(self, name: str) -> bytes | None:
        """Return an uploaded file, or None."""
        return self._store.get_blob(_UPLOADS, name)

    def create(
        self, model: dict[str, Any], filename: str, trigger_id: str | None, source: str | None
    ) -> dict[str, Any]:
        """Turn an upload into a submission for the current round. Raises Refused."""
        upload, content = self._store.get(_UPLOADS, filename), self.content(filename)
        if upload is None or upload["model_id"] != model["id"] or content is None:
            raise Refused(f"No file was uploaded as {filename!r} for model {model['name']}. Upload it first.")
        tournament = Tournament(model["tournament"])
        current = self._rounds.find(tournament)
        if current is None:
            raise Refused(f"Round not found: {tournament} has no round yet.")
        valid = self._check(tournament, content)
        record = {
            "id": str(uuid.uuid4()),
            "model_id": model["id"],
            "model": model["name"],
            "tournament": tournament.value,
            "round": current["number"],
            "trigger_id": trigger_id,
            "known_trigger": self._webhooks.was_issued(trigger_id, model["id"]),
            "source": source,
            "filename": filename,
            "inserted_at": stamp(self._now()),
            "rows": valid.rows,
            "corr": round(valid.corr, 4),
            "state": "on-time" if self._rounds.status(current) == "OPEN" else "late",
        }
        self._store.put(_SUBMISSIONS, f"{time.time_ns():020d}-{record['id']}", record)
        return record

    def _check(self, tournament: Tournament, content: bytes) -> Valid:
        """Check an upload against the current round; ids of the previous round are mapped, as at Numerai."""
        table = read(content)
        numbers = [doc["number"] for doc in self._rounds.of(tournament)[:2]]
        try:
            return check(tournament, table, self._datasets.live(tournament, numbers[0]))
        except Refused as refusal:
            if len(numbers) < 2 or "invalid_submission_ids" not in str(refusal):
                raise
            try:
                return check(tournament, table, self._datasets.live(tournament, numbers[1]))
            except Refused:
                raise refusal from None

    def all(self, model_id: str | None = None) -> list[dict[str, Any]]:
        """Return the submissions of one model or of all, oldest first."""
        records = self._store.all(_SUBMISSIONS).values()
        return [record for record in records if model_id is None or record["model_id"] == model_id]

    def describe(self, model_id: str) -> list[dict[str, Any]]:
        """Return a model's submissions as the API shows them, newest first; one per round counts."""
        shown: list[dict[str, Any]] = []
        counts = {record["id"] for record in self.list_counting(model_id).values()}
        for record in reversed(self.all(model_id)):
            round_ = {"number": record["round"], "tournament": Tournament(record["tournament"]).number}
            shown.append({**record, "selected": record["id"] in counts, "round": round_})
        return shown

    def list_counting(self, model_id: str) -> dict[int, dict[str, Any]]:
        """Return round -> the submission that counts: the newest on time, or else the newest late one."""
        counting: dict[int, dict[str, Any]] = {}
        for record in self.all(model_id):
            if record["state"] == "on-time" or counting.get(record["round"], record)["state"] == "late":
                counting[record["round"]] = record
        return counting

    def latest(self, model: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the last rounds of a model's tournament, newest first, each with `on-time`, `late` or `none`."""
        counting, shown = self.list_counting(model["id"]), []
        for round_ in self._rounds.of(Tournament(model["tournament"]))[:_LATEST]:
            record = counting.get(round_["number"])
            shown.append(
                {
                    "round_number": round_["number"],
                    "round_open": round_["open_time"][:10],
                    "round_close": round_["close_time"][:10],
                    "round_close_staking": round_["close_time"][:10],
                    "filename": record["filename"] if record else None,
                    "status": record["state"] if record else "none",
                    "timestamp": record["inserted_at"] if record else None,
                }
            )
        return shown

    def download(self, submission_id: str, account_models: set[str]) -> dict[str, str]:
        """Return a signed URL for the file of a submission of one of these models. Raises Refused."""
        record = next((r for r in self.all() if r["id"] == submission_id and r["model_id"] in account_models), None)
        if record is None:
            raise Refused(f"Submission not found: the account has no submission with the id {submission_id}.")
        return self._sign(record["filename"], {"model_id": record["model_id"]})
