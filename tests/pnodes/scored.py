"""The sandbox's Numerai in this process, at a time that a test sets, as it answers questions about scores."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from pnodes import wording
from pnodes.deployed import scores
from sandbox.network import Network
from sandbox.numerai.scores import list_earlier_rounds
from sandbox.store import Store
from tests.providers.numerai.wire import Wire
from tests.sandbox.networked import NumeraiKernel
from tests.sandbox.numerai.world import World

SATURDAY = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
MODELS = {
    "alpha": ("classic", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c04", "delta_model"),
    "beta": ("signals", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02", "beta_model"),
    "gamma": ("crypto", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c08", "theta_model"),
}
"""The tournament, id and name of each node's model."""
SETTINGS: dict[str, Any] = {
    "region": "us-east-1",
    "size": {"preset": "gen-sm", "cpu": 1.0, "memory": 4096},
    "source": "model",
    "context": ".",
}


class Scored:
    """`failure`, if it is set, replaces every answer; `questions` are the fields and variables of each request."""

    def __init__(self, world: World, wire: Wire) -> None:
        self.world, self.wire, self.numerai = world, wire, world.boot()
        self.failure: Any = None
        wire.answers = [self._answer]

    def now(self) -> datetime:
        return self.world.now()

    @property
    def questions(self) -> list[tuple[str, dict[str, Any]]]:
        bodies = [sent["json"] for sent in self.wire.asked]
        return [(re.findall(r"{\s*(\w+)", body["query"])[0], body["variables"]) for body in bodies]

    @property
    def with_keys(self) -> list[str]:
        pairs = zip(self.questions, self.wire.asked, strict=True)
        return [field for (field, _), sent in pairs if "Authorization" in sent["headers"]]

    def _answer(self, sent: dict[str, Any]) -> Any:
        if self.failure is not None:
            return self.failure
        answer = asyncio.run(self._post(sent))
        return (answer.status_code, answer.text)

    async def _post(self, sent: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.numerai.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://numerai") as client:
            return await client.post("/", json=sent["json"], headers=sent["headers"])


def record_run(number: int, minutes: float = 10, failed: bool = False) -> dict[str, Any]:
    """Return what a trigger records of a submitted round of the sandbox: one run, or two if the first one failed."""
    opened = dict(list_earlier_rounds(SATURDAY - timedelta(days=1))).get(number, SATURDAY).timestamp()
    records: dict[str, Any] = {}
    for place in (1, 2) if failed else (1,):
        run, began = f"t-{number}-{place}", opened + (place - 1) * 360
        ended = began + 60 * (4 if failed and place == 1 else minutes)
        state = "failed" if failed and place == 1 else "succeeded"
        records[f"{place}.claim"] = {"at": began, "run": run}
        records[f"{run}.ended"] = {
            "job": "j", "state": state, "reason": "", "own": True, "created": began, "ended": ended,
        }  # fmt: skip
        records["submitted"] = {"at": ended, "late": False}
    return records


def describe_nodes(named: bool = True) -> dict[str, Any]:
    """Return the stack's outputs for nodes with the sandbox's models, given by name or by id."""
    nodes = zip(MODELS.items(), ("aws", "gcp", "azure"), strict=True)
    outputs: dict[str, Any] = {"nodes": {}, "settings": {}, "webhooks": {}}
    for (name, (tournament, model_id, model)), cloud in nodes:
        facts = {"cloud": cloud, "region": "here", "tournament": tournament, "model_id": model_id, "job": name}
        own = {"model": model if named else model_id, "tournament": tournament, "cloud": cloud}
        outputs["nodes"][name], outputs["settings"][name] = facts, SETTINGS | own
        outputs["webhooks"][name] = f"https://{name}.example/pred/{model_id}?token=SECRET"
    return outputs


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scored]:
    """Replace Numerai by the sandbox's, now by nine on a Saturday, and the pauses between retries by none."""
    store, wire = Store(tmp_path / "numerai"), Wire()
    world = World(NumeraiKernel(tmp_path / "numerai", store, Network(0, tmp_path / "no-ca.pem")), stopped=SATURDAY)
    monkeypatch.setattr(requests.Session, "post", lambda _session, url, **sent: wire.post(url, **sent))
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return world.now()

    monkeypatch.setattr(scores, "datetime", Clock)
    monkeypatch.setattr(wording, "datetime", Clock)
    yield Scored(world, wire)
    store.close()
