"""The store creates entries atomically, as claims require, and survives a restart."""

from __future__ import annotations

import threading
from pathlib import Path

from sandbox.store import Store


def test_documents_survive_a_restart_bytes_included(tmp_path: Path) -> None:
    Store(tmp_path).put("kind", "a", {"n": 1, "raw": b"\x00\xff", "deep": [{"raw": b"x"}]})
    assert Store(tmp_path).get("kind", "a") == {"n": 1, "raw": b"\x00\xff", "deep": [{"raw": b"x"}]}


def test_kinds_and_prefixes_are_kept_apart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for kind, key in (("k", "a/1"), ("k", "a/2"), ("k", "b/1"), ("other", "a/3"), ("k", "a%")):
        store.put(kind, key, {"key": key})
    assert list(store.all("k", "a/")) == ["a/1", "a/2"]
    assert list(store.all("k", "a%")) == ["a%"]
    assert store.delete("k", "a/1")
    assert not store.delete("k", "a/1")
    assert store.get("k", "a/1") is None


def test_only_one_of_many_creates_a_blob(tmp_path: Path) -> None:
    store, won = Store(tmp_path), []

    def one(number: int) -> None:
        if store.put_blob("bucket", "claim", str(number).encode(), if_absent=True):
            won.append(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.get_blob("bucket", "claim") == str(won[0]).encode()


def test_blobs_are_listed_by_prefix_and_dropped_with_their_bucket(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for key in ("claims/a/1", "claims/a/2", "claims/b/1"):
        store.put_blob("bucket", key, b"")
    store.put_blob("elsewhere", "claims/a/1", b"kept")
    assert store.list_blobs("bucket", "claims/a/") == ["claims/a/1", "claims/a/2"]
    store.drop_bucket("bucket")
    assert store.list_blobs("bucket") == []
    assert store.get_blob("elsewhere", "claims/a/1") == b"kept"


def test_insert_does_not_overwrite(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.insert("k", "a", {"n": 1})
    assert not store.insert("k", "a", {"n": 2})
    assert store.get("k", "a") == {"n": 1}
