"""The sandbox's state in one SQLite file: documents by kind and key, and blobs by bucket and key.

Creation is atomic (`insert`, `put_blob(if_absent=True)`), as claims require. The store is safe to use from any thread,
and its content survives a restart.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_TABLES = """
create table if not exists documents (kind text, key text, body text, primary key (kind, key));
create table if not exists blobs (bucket text, key text, body blob, primary key (bucket, key));
"""


def _encode(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"a document cannot hold {type(value).__name__}")


def _decode(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$bytes"]) if value.keys() == {"$bytes"} else value


class Store:
    """Documents are JSON objects that may contain bytes; blobs are bytes."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(home / "store.sqlite", check_same_thread=False, isolation_level=None)
        # Speed matters more than durability: losing the last writes in a power cut is acceptable in a sandbox.
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.executescript(_TABLES)

    def _run(self, sql: str, values: Sequence[object]) -> sqlite3.Cursor:
        with self._lock:
            return self._db.execute(sql, values)

    def _rows(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def put(self, kind: str, key: str, doc: dict[str, Any]) -> None:
        """Write a document, replacing an existing one."""
        self._run("insert or replace into documents values (?, ?, ?)", (kind, key, json.dumps(doc, default=_encode)))

    def insert(self, kind: str, key: str, doc: dict[str, Any]) -> bool:
        """Write a document unless it exists; return False if it does."""
        body = json.dumps(doc, default=_encode)
        return self._run("insert or ignore into documents values (?, ?, ?)", (kind, key, body)).rowcount == 1

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return a document, or None."""
        rows = self._rows("select body from documents where kind=? and key=?", (kind, key))
        return json.loads(rows[0][0], object_hook=_decode) if rows else None

    def all(self, kind: str, prefix: str = "") -> dict[str, dict[str, Any]]:
        """Return the documents of a kind whose keys begin with `prefix`, sorted by key."""
        sql = "select key, body from documents where kind=? and substr(key, 1, ?)=? order by key"
        rows = self._rows(sql, (kind, len(prefix), prefix))
        return {key: json.loads(body, object_hook=_decode) for key, body in rows}

    def delete(self, kind: str, key: str) -> bool:
        """Delete a document; return False if it did not exist."""
        return self._run("delete from documents where kind=? and key=?", (kind, key)).rowcount == 1

    def put_blob(self, bucket: str, key: str, data: bytes, if_absent: bool = False) -> bool:
        """Write a blob; with `if_absent`, return False instead of replacing an existing one."""
        verb = "ignore" if if_absent else "replace"
        sql = f"insert or {verb} into blobs values (?, ?, ?)"  # noqa: S608 - one of two words
        return self._run(sql, (bucket, key, data)).rowcount == 1

    def get_blob(self, bucket: str, key: str) -> bytes | None:
        """Return a blob's bytes, or None."""
        rows = self._rows("select body from blobs where bucket=? and key=?", (bucket, key))
        return bytes(rows[0][0]) if rows else None

    def list_blobs(self, bucket: str, prefix: str = "") -> list[str]:
        """List a bucket's keys that begin with `prefix`, sorted."""
        sql = "select key from blobs where bucket=? and substr(key, 1, ?)=? order by key"
        return [key for (key,) in self._rows(sql, (bucket, len(prefix), prefix))]

    def delete_blob(self, bucket: str, key: str) -> bool:
        """Delete a blob; return False if it did not exist."""
        return self._run("delete from blobs where bucket=? and key=?", (bucket, key)).rowcount == 1

    def drop_bucket(self, bucket: str) -> None:
        """Delete every blob of a bucket."""
        self._run("delete from blobs where bucket=?", (bucket,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
