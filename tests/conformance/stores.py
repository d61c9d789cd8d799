"""The deployed stores, built as the functions build them: `python -m tests.conformance.stores CLOUD KEY THREADS`.

Run as a program, it prints "ready", waits for a line, lets the threads create the same claim at once, and prints what
each of them was told.
"""

from __future__ import annotations

import importlib
import json
import os
import ssl
import sys
import threading
import urllib.request

from trigger.table import Store, StoreError


def build_store(cloud: str) -> Store:
    """Return the cloud's store. The variables have other names than in a function, where an import reads the table."""
    module = importlib.import_module(f"trigger.{cloud}")
    store: Store
    if cloud == "aws":
        store = module.S3Store(os.environ["CLAIMS_BUCKET"], module.Signer.read_environment("s3"))
    elif cloud == "gcp":
        store = module.StorageStore(os.environ["CLAIMS_BUCKET"], module.Identity())
    else:
        store = module.BlobStore(os.environ["CLAIMS_URL"], module.Identity(os.environ))
    return store


def open_network() -> object:
    """Return what `http_call` makes on import, for the environment of now."""
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=ssl.create_default_context())).open


def claim(store: Store, key: str, threads: int) -> list[str]:
    """Create a claim in several threads at once; return the answers."""
    answers: list[str] = []
    barrier = threading.Barrier(threads)

    def create(number: int) -> None:
        barrier.wait()
        try:
            answers.append(str(store.create(key, f"{os.getpid()}-{number}".encode())))
        except StoreError as error:
            answers.append(str(error))

    claimants = [threading.Thread(target=create, args=(number,)) for number in range(threads)]
    for claimant in claimants:
        claimant.start()
    for claimant in claimants:
        claimant.join()
    return answers


if __name__ == "__main__":
    _, cloud, key, threads = sys.argv
    store = build_store(cloud)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(claim(store, key, int(threads))), flush=True)
