"""A Numerai on loopback, its models, and numerapi clients that talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numerapi
import numpy as np
import pandas as pd
from numerapi.base_api import Api

from sandbox.numerai.app import Numerai
from tests.sandbox.networked import NumeraiKernel

CLASSIC_MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
SIGNALS_MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
CRYPTO_MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c03"
STRANGERS_MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c10"
CLIENTS = [numerapi.NumerAPI, numerapi.SignalsAPI, numerapi.CryptoAPI]
MODELS = {8: CLASSIC_MODEL, 11: SIGNALS_MODEL, 12: CRYPTO_MODEL}
LIVE = {8: "v5.3/live.parquet", 11: "signals/v3.1/live.parquet", 12: "crypto/v2.0/live.parquet"}
NAMES = {8: "classic", 11: "signals", 12: "crypto"}


def client(numerai: Numerai, kind: type[Api] = numerapi.NumerAPI, keys: tuple[str, str] | None = None) -> Any:
    public_id, secret_key = keys or (numerai.public_id, numerai.secret_key)
    return kind(public_id, secret_key, verbosity="critical", show_progress_bars=False)


def guesses(api: Any) -> pd.DataFrame:
    """Return a valid submission that is based only on the ids of the live data."""
    live = pd.read_parquet(api.download_dataset(LIVE[api.tournament_id]))
    ids = live["numerai_ticker"] if api.tournament_id == 11 else live.index.to_series()
    column = "prediction" if api.tournament_id == 8 else "signal"
    return pd.DataFrame({str(ids.name): ids.to_numpy(), column: np.linspace(0.01, 0.99, len(ids))})


@dataclass
class World:
    """A Numerai with its address, its calls of webhooks, and its clock."""

    kernel: NumeraiKernel
    url: str = ""
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answer: tuple[int, float, str] = (202, 0.01, '{"job": "1"}')
    ahead: timedelta = timedelta()
    stopped: datetime | None = None

    def post(self, url: str, body: dict[str, Any]) -> tuple[int, float, str]:
        self.posted.append((url, body))
        return self.answer

    def now(self) -> datetime:
        return (self.stopped or datetime.now(UTC)) + self.ahead

    def boot(self) -> Numerai:
        """Create a Numerai on this world's store; a second call simulates a restart."""
        return Numerai(self.kernel, self.post, datasets_url=self.url, uploads_url=self.url, now=self.now)
