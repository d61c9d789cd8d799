"""The table of a region's nodes, and the region's object storage, which holds it and the nodes' claims."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote

# A trigger reads its table at most once in this time, so a flood of calls costs almost nothing.
TABLE_SECONDS = 5
# The columns of earlier versions. Later ones are left out if they are empty, so that a new version changes few rows.
_FORMER_COLUMNS, _USUAL_COLUMNS = 8, 11


class StoreError(Exception):
    """The store could not be read or written. The sentence says why and can be logged."""


class Row(NamedTuple):
    """A node in the table: its model, the SHA-256 of its token (never the token), and its job.

    `queue` is empty on clouds without queues. `cron` and `timezone` are empty on clouds whose scheduler calls the
    trigger, and for nodes without a schedule. `tournament`, `watch` and `keys` are for the watch (`watch`): `keys` is
    the reference of the account's keys, never a key. `primary` and `partner` are for a node and its rescue (`partner`).
    """

    model_id: str
    node: str
    token_sha256: str
    job: str
    queue: str = ""
    enabled: str = "yes"
    """yes or no"""
    cron: str = ""
    timezone: str = ""
    tournament: str = ""
    watch: str = ""
    """seconds-repeats; empty if the node is not watched"""
    keys: str = ""
    primary: str = ""
    """the node that this row's node rescues; empty if it is no rescue"""
    partner: str = ""
    """the URL of the trigger of the node's rescue, or of the node that it rescues"""
    alerts: str = ""
    """For `alerts`: the job's time limit and the references of where alerts go, never an address"""

    @property
    def title(self) -> str:
        """The node's name in nodes.yaml, which the container gets as NODE_NAME."""
        return self.primary or self.node

    def write_key(self) -> str:
        """Return the row as the name of an object, in which slashes separate the columns."""
        values = list(self)
        while len(values) > _USUAL_COLUMNS and not values[-1]:
            values.pop()
        return "/".join(quote(value, safe="") or "-" for value in values)

    @staticmethod
    def read_key(key: str) -> Row | None:
        """Return the row that a name stands for; an earlier version's has fewer columns. None for other names."""
        values = ["" if value == "-" else unquote(value) for value in key.split("/")]
        return Row(*values) if _FORMER_COLUMNS <= len(values) <= len(Row._fields) else None

    @staticmethod
    def read_columns(columns: Mapping[str, str]) -> Row | None:
        """Return the row with these columns. None if one without a default is missing. Ignores other columns."""
        try:
            return Row(**{column: columns[column] for column in Row._fields if column in columns})
        except TypeError:
            return None


class Store(Protocol):
    """The region's object storage: the table, and below NODE/ the claims, which can be created but not changed."""

    def read_rows(self) -> Iterable[Row]:
        """Return the table's rows. If a model has several, the last one with the right token counts.

        A renamed node has a new token. Until its new webhook is at Numerai, the old row serves the old webhook.
        Raises StoreError.
        """

    def create(self, key: str, body: bytes) -> bool:
        """Create one object atomically; False if it existed before. Raises StoreError.

        If an attempt may have succeeded although its answer was lost, compares the object that exists with `body`.
        """

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`. Raises StoreError."""

    def read(self, key: str) -> bytes:
        """Return the body of an object that exists. Raises StoreError."""


class Table:
    """The rows by model id, read again when they are older than TABLE_SECONDS. Safe to use from several threads."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store, self._now = store, now
        self._lock = threading.Lock()
        self._rows: dict[str, list[Row]] | None = None
        self._tried: float | None = None
        self._error: StoreError | None = None

    def refresh(self) -> Mapping[str, list[Row]]:
        """Return the rows. If the table cannot be read, returns the last ones; raises StoreError if there are none."""
        with self._lock:
            if self._tried is None or not 0 <= self._now() - self._tried < TABLE_SECONDS:
                self._tried = self._now()
                try:
                    rows: dict[str, list[Row]] = {}
                    for row in self._store.read_rows():
                        rows.setdefault(row.model_id.lower(), []).append(row)
                    self._rows = rows
                except StoreError as error:
                    self._error = error
            if self._rows is None:
                raise StoreError(str(self._error))
            return self._rows
