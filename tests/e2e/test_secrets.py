"""Planted keys are nowhere they must not be: state, archives, images, logs, command output."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable

import pytest

from tests.e2e.test_life import node, nodes
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


def test_no_key_and_no_token_is_written_down(make_world: Callable[[str], World]) -> None:
    world = make_world(nodes(node("a1", "aws"), node("g1", "gcp", "signals"), node("z1", "azure", "crypto")))
    keys = [world.daemon["numerai"][name] for name in ("public_id", "secret_key")]
    printed = world.cli.run("preview", "--diff") + world.cli.run("up", "--yes", "--diff") + world.cli.run("stack")
    webhooks = world.cli.outputs()["webhooks"]
    tokens = [url.split("token=")[1] for url in webhooks.values()]
    for url in webhooks.values():
        assert world.call(url, str(uuid.uuid4())).status_code == 202
    world.finished(3)
    planted = [secret.encode() for secret in [*keys, *tokens]]
    planted += [base64.b64encode(secret).rstrip(b"=")[:-1] for secret in planted]
    assert not [secret for secret in planted if secret in printed.encode()]

    places = {
        "state": world.cli.folder / ".state",
        "job logs": world.home / "runs",
        "functions and their logs": world.home / "functions",
        "images": world.home / "images",
    }
    for place, folder in places.items():
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files, f"there is nothing in {place} to look at"
        for path in files:
            content = path.read_bytes()
            assert not [secret for secret in planted if secret in content], f"{place}: {path.name}"
    assert not [secret for secret in planted if secret in (world.home / "daemon.log").read_bytes()]
