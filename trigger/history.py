"""Reads what the claims and marks below `NODE/round-N/` say about a node's last rounds, for `pnodes history`.

Answers GET /rounds/MODEL. The trigger reads the records because it may already: the people who use `pnodes` then need
no access to the object storage, which on Azure even the owner of a subscription does not have.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

_THREADS = 16


class Store(Protocol):
    """The part of `core.Store` that is used here."""

    def list(self, prefix: str) -> list[str]: ...

    def read(self, key: str) -> bytes: ...


def read_rounds(store: Store, node: str, last: int) -> dict[str, dict[str, Any]]:
    """Return the records of the node's last rounds: by the round's number, then by the record's name.

    A claim whose run never started has a record `RUN.failed`, which says why. Raises StoreError.
    """
    rounds: dict[int, list[str]] = {}
    for key in store.list(f"{node}/round-"):
        number = key.split("/")[1].removeprefix("round-")
        if number.isdecimal():
            rounds.setdefault(int(number), []).append(key)
    newest = sorted(rounds)[-last:]
    with ThreadPoolExecutor(_THREADS) as pool:
        records = pool.map(lambda number: _read_round(store, node, rounds[number]), newest)
        return {str(number): record for number, record in zip(newest, records, strict=True)}


def _read_round(store: Store, node: str, keys: list[str]) -> dict[str, Any]:
    records = {key.rsplit("/", 1)[-1]: json.loads(store.read(key)) for key in keys}
    if "submitted" not in records:
        for run in {record.get("run") for name, record in records.items() if name.endswith(".claim")}:
            marks = [] if f"{run}.ended" in records else store.list(f"{node}/{run}/")
            failed = [key for key in marks if key.endswith(".failed")]
            if failed and not any(key.endswith(".started") for key in marks):
                records[f"{run}.failed"] = json.loads(store.read(max(failed, key=lambda key: (len(key), key))))
    return records
