"""Reads what the claims and marks below `NODE/round-N/` say about nodes' last rounds, for `pnodes history`.

Answers POST /rounds. So the people who use `pnodes` need no access to the object storage, which on Azure not even the
owner of a subscription has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trigger.table import Store

_THREADS = 16


def read_rounds(store: Store, nodes: Iterable[str], last: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the records of the nodes' last rounds: by node, by the round's number, then by the record's name.

    A claim whose run never started has a record `RUN.failed`, which says why. Raises StoreError.
    """
    names = list(dict.fromkeys(nodes))
    with ThreadPoolExecutor(_THREADS) as pool:
        listed = pool.map(lambda node: _list_newest(store, node, last), names)
        reads = {
            node: {str(number): pool.submit(_read_round, store, node, keys) for number, keys in rounds}
            for node, rounds in zip(names, listed, strict=True)
        }
        return {node: {number: read.result() for number, read in rounds.items()} for node, rounds in reads.items()}


def _list_newest(store: Store, node: str, last: int) -> list[tuple[int, list[str]]]:
    rounds: dict[int, list[str]] = {}
    for key in store.list(f"{node}/round-"):
        number = key.split("/")[1].removeprefix("round-")
        if number.isdecimal():
            rounds.setdefault(int(number), []).append(key)
    return sorted(rounds.items())[-last:]


def _read_round(store: Store, node: str, keys: list[str]) -> dict[str, Any]:
    records = {key.rsplit("/", 1)[-1]: json.loads(store.read(key)) for key in keys}
    if "submitted" not in records:
        for run in {record.get("run") for name, record in records.items() if name.endswith(".claim")}:
            marks = [] if f"{run}.ended" in records else store.list(f"{node}/{run}/")
            failed = [key for key in marks if key.endswith(".failed")]
            if failed and not any(key.endswith(".started") for key in marks):
                records[f"{run}.failed"] = json.loads(store.read(max(failed, key=lambda key: (len(key), key))))
    return records
