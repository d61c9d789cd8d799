"""A stack that an earlier version deployed: one `up` upgrades it while rounds open, and no round is missed.

The state refers to that version's dynamic providers by module names that have changed since (providers/dynamic.py).
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pnodes.urn import split_urn
from tests.e2e.checkout import copy_files, extract, tracked
from tests.e2e.nodes import node, nodes
from tests.e2e.webhooks import at_numerai
from tests.e2e.world import IDS, QUICK_PREDICT, ROOT, World
from tests.providers.references import OLD, names
from tests.pulumi_cli import EngineFailed

pytestmark = pytest.mark.e2e
DEPLOYED = "876a2ede54ae3dfd4c800a90c73c426d5524541e"
"""The last commit before the modules moved."""
KEPT = ("Bucket", "Secret", "SecretVersion", "Repository", "Registry", "StorageAccount", "Vault", "ManagedEnvironment")
"""Kinds of resources that an upgrade may neither replace nor delete: they hold images, keys and runs in progress."""
ROUND_SECONDS = 4

ALPHA = node("alpha", "aws", source="edited").replace(IDS["classic"], "alpha_model")
BETA = node("beta", "gcp", "signals")
GAMMA = node("gamma", "azure", "crypto")


def stored(world: World) -> dict[str, tuple[str, ...]]:
    """Type::name -> the names in the reference that the engine uses for the resource from now on."""
    exported = world.cli.run("stack", "export", "--show-secrets")
    return {
        "::".join(split_urn(resource["urn"])[1:]): names(_plain(resource["outputs"]["__provider"]))
        for resource in json.loads(exported)["deployment"]["resources"]
        if resource["type"].startswith("pulumi-python:")
    }


def _plain(value: Any) -> str:
    return str(json.loads(value["plaintext"]) if isinstance(value, dict) else value)


def webhook_names(steps: dict[str, str]) -> list[str]:
    return sorted(name.rsplit("::", 1)[-1] for name in steps if ":Webhook::" in name)


@contextmanager
def rounds_open(world: World) -> Iterator[list[dict[str, Any]]]:
    """Open a round of every tournament every few seconds; the list gets Numerai's calls, with the answers."""
    calls: list[dict[str, Any]] = []
    over = threading.Event()

    def open_rounds() -> None:
        while not over.is_set():
            calls.extend(world.control.post("/open-round", json={"open_for": 600}).json()["triggers"])
            over.wait(ROUND_SECONDS)

    thread = threading.Thread(target=open_rounds)
    thread.start()
    try:
        yield calls
    finally:
        over.set()
        thread.join()


@pytest.mark.long
def test_a_stack_of_an_earlier_version_goes_on(make_world: Callable[[str], World], tmp_path: Path) -> None:
    files = extract(DEPLOYED, tmp_path / "earlier")
    world = make_world(nodes(ALPHA, BETA, GAMMA))
    world.model("edited")
    copy_files(tmp_path / "earlier", files, world.project)
    world.use_this_python()
    world.cli.up()
    assert {reference: kind for reference, kind in OLD.items() if reference in stored(world).values()} == OLD
    webhooks = {model: url for model, url in at_numerai(world).items() if url}
    assert webhooks.keys() == {IDS["classic"], IDS["signals"], IDS["crypto"]}

    # `git pull`
    for name in files:
        (world.project / name).unlink()
    copy_files(ROOT, tracked(), world.project)
    world.use_this_python()
    assert world.cli.refresh().keys() == {"same"}
    # The patches of Pulumi's host also apply to old references: an error is a message, not a traceback.
    key = world.cli.env["NUMERAI_SECRET_KEY"]
    world.cli.env["NUMERAI_SECRET_KEY"] = "wrong"
    with pytest.raises(EngineFailed) as failed:
        world.cli.refresh()
    world.cli.env["NUMERAI_SECRET_KEY"] = key
    assert "Numerai refused the API keys." in str(failed.value)
    assert "Traceback" not in str(failed.value)

    # Without modules of its own, the project runs this version's program in the tests' hosts, which have the SDKs.
    shutil.rmtree(world.project / "providers")

    steps = world.cli.steps()
    assert {
        name: steps[f"pulumi-python:dynamic/prediction-nodes:Webhook::{name}"] for name in webhook_names(steps)
    } == {
        "alpha": "update",
        "beta": "update",
        "gamma": "update",
    }
    assert not [name for name in steps if "ImageBuild" in name], "the upgrade builds images again"
    lost = {name: operation for name, operation in steps.items() if operation in ("delete", "replace")}
    gone = [name for name in lost if name.split("::")[0].rsplit(":", 1)[-1] in KEPT and "host" not in name]
    # Both keys of an account are now in one secret. Each trigger of its own had a storage account for its host.
    assert [name for name in gone if not name.startswith("aws:secretsmanager")] == [], lost

    with rounds_open(world) as calls:
        world.cli.up()
    assert world.cli.steps() == {}
    assert len(calls) >= 6, "too few rounds opened during the upgrade"
    assert [call for call in calls if not 200 <= call["status"] < 300] == []
    # One job for each call, whichever trigger took it.
    started = world.finished(len(calls))
    assert sorted(run["trigger_id"] for run in started) == sorted(call["trigger_id"] for call in calls)
    assert {run["state"] for run in started} == {"SUCCEEDED"}
    old, webhooks = webhooks, {model: url for model, url in at_numerai(world).items() if url}
    assert webhooks.keys() == old.keys()
    assert not set(webhooks.values()) & set(old.values())

    # An edit and a removal. Resources that do not change keep their old references.
    world.model("edited", predict=QUICK_PREDICT + "# edited\n")
    world.nodes(nodes(ALPHA, GAMMA))
    operations = world.cli.up()
    assert operations.keys() == {"same", "update", "delete"}
    left = stored(world)
    assert left["pulumi-python:dynamic/prediction-nodes:ImageBuild::alpha"][0] == "providers.dynamic"
    assert left["pulumi-python:dynamic/prediction-nodes:ImageBuild::gamma@eastus"][0] == "providers.azure.image"
    assert not [resource for resource in left if "::beta" in resource]
    assert world.left()["gcp"] == 0
    assert {model: url for model, url in at_numerai(world).items() if url} == {
        model: url for model, url in webhooks.items() if model != IDS["signals"]
    }

    world.cli.destroy()
    assert sum(world.left().values()) == 0
    assert not any(at_numerai(world).values())
