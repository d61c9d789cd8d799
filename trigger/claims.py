"""The claims and marks of a region's nodes, which are objects below NODE/ that can be created but not changed.

The claims of one trigger id are an append-only series: `1.claim`, then `1.started` or `1.failed`, then `2.claim` and so
on. Attempt n+1 can be claimed if attempt n is marked as failed, or if its lease has expired without a start because the
trigger died. The starts of a round have a series too, `round-N/1.claim` and so on, so that the watch (`watch`) and a
late webhook never both start the round's job.

    NODE/RUN_ID/1.claim, 1.started, 1.failed         the attempts to start a run
    NODE/round-N/1.claim                             the runs that may submit for the round, one after the other
    NODE/round-N/RUN_ID.ended, submitted, missed     what the watch has learned
    NODE/round-N/alert-EVENT.CHANNEL                 the alerts that were sent
    NODE/_refused/DAY.seen, DAY.CHANNEL              the days with refused calls, and the alerts about them
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trigger.table import Store, StoreError

MAX_ATTEMPTS = 20
# Longer than the time-outs of the functions (at most 60 s): the holder of an expired lease is dead.
LEASE_SECONDS = 120
WATCH_RUN, SCHEDULE_RUN = "watch-", "schedule-"
"""The beginnings of the ids of runs that the watch and schedules start."""
PARTNER_RUN = "partner-"
"""The beginning of the run's id in a round's claim that a trigger creates for the node's partner (`partner`)."""
REFUSED = "_refused"
"""The folder below NODE/ of the days on which calls were refused, for `alerts`. No trigger id begins with `_`."""


class Claims:
    """A region's claims and marks."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store, self._now = store, now

    def list_names(self, folder: str) -> set[str]:
        """Return the names of the claims and marks in a folder. Raises StoreError."""
        return {key.removeprefix(folder) for key in self._store.list(folder)}

    def read(self, key: str) -> dict[str, Any]:
        """Return the record of a claim or mark that exists. Raises StoreError."""
        record: dict[str, Any] = json.loads(self._store.read(key))
        return record

    def create(self, key: str, record: Mapping[str, Any]) -> bool:
        """Create a claim or mark; False if it existed. Raises StoreError."""
        # Without a unique claimant, a store could not tell its own repeated creation from another trigger's.
        return self._store.create(key, json.dumps({**record, "by": os.urandom(16).hex()}).encode())

    def mark(self, key: str, record: Mapping[str, Any]) -> None:
        """Create a mark if the store allows it.

        A missing mark must not turn a started job into an error, which would invite a repeat: without a mark, the lease
        decides, and the next attempt looks the job up.
        """
        for _ in range(2):
            try:
                self.create(key, record)
                return
            except StoreError:
                continue

    def claim_round(self, folder: str, number: int, run_id: str) -> bool:
        """Create a round's claim for a run; False if it existed. Raises StoreError."""
        return self.create(f"{folder}{number}.claim", {"at": self._now(), "run": run_id})

    def read_round(self, folder: str, names: Iterable[str]) -> dict[int, dict[str, Any]]:
        """Return the claims among the names in a round's folder, by their number. Raises StoreError."""
        return {number: self.read(f"{folder}{number}.claim") for number in list_numbers(names)}


def name_round(node: str, number: int) -> str:
    """Return the folder of the claims and marks of a node's round."""
    return f"{node}/round-{number}/"


def list_numbers(names: Iterable[str]) -> list[int]:
    """Return the numbers of the claims among the names in a folder (`1.claim`), in ascending order."""
    return sorted(int(name.removesuffix(".claim")) for name in names if name.endswith(".claim"))
