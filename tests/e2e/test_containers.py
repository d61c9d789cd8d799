"""One node on each cloud, with images that a real container engine builds, pushes, pulls and runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.packed import contents
from tests.e2e.world import IDS, MakeWorld
from tests.needs_containers import engine_and_bases
from tests.pnodes.migrate.old import DOCKERFILE

pytestmark = [pytest.mark.e2e, pytest.mark.containers, pytest.mark.timeout(900)]
CLOUDS = {"aws": "classic", "gcp": "signals", "azure": "crypto"}
# Does not submit; shows the container's environment. `keys` are lengths, so that no key gets into a log.
PREDICT = """\
import json, os, pathlib, urllib.error, urllib.request
group = pathlib.Path("/sys/fs/cgroup")
limits = [group / "memory" / "memory.limit_in_bytes", group / "memory.max"]
try:  # the sandbox's Numerai, through the gateway, under a certificate of its own authority: it takes no GET
    urllib.request.urlopen("https://api-tournament.numer.ai/")
except urllib.error.HTTPError as answer:
    reached = answer.code
print(json.dumps({
    "node": os.environ["NODE_NAME"],
    "trigger": os.environ["TRIGGER_ID"],
    "keys": [len(os.environ.get(name, "")) > 8 for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")],
    "made": pathlib.Path("/made-by-run").read_text().split()[0],
    "host": os.path.exists(os.environ["HOST_FILE"]),
    "memory": next(int(path.read_text()) for path in limits if path.exists()),
    "reached": reached,
}))
"""


def test_a_round_in_containers_on_each_cloud(make_world: MakeWorld, tmp_path: Path) -> None:
    engine_and_bases(tmp_path / "trial")
    lines = ["defaults:", "  size: {cpu: 1, memory: 2GiB}", f"  env: {{HOST_FILE: {Path(__file__)}}}", "nodes:"]
    for cloud, model in CLOUDS.items():
        lines += [f"  on-{cloud}:", f"    model: {IDS[model]}", f"    tournament: {model}", f"    cloud: {cloud}"]
        lines += ["    source: quick"]
    world = make_world("\n".join(lines) + "\n", executor="container")
    world.model("quick", PREDICT)
    (world.project / "quick" / "Dockerfile").write_text(
        DOCKERFILE.replace("CMD", "RUN grep ^ID= /etc/os-release > /made-by-run\nCMD")
    )
    status = world.control.get("/status").json()
    assert status["executor"] == "container", status
    world.cli.up()
    assert world.cli.up().keys() == {"same"}

    outputs = world.cli.outputs()
    sent = {}
    for name, url in outputs["webhooks"].items():
        sent[name] = f"t-{name}-0123456789"
        assert world.call(url, sent[name]).status_code == 202
    runs = world.finished(3)
    assert [run["reason"] for run in runs] == ["", "", ""]
    seen = {facts["node"]: facts for facts in (json.loads(world.log(run["run_id"]).splitlines()[-1]) for run in runs)}
    assert {name: facts["trigger"] for name, facts in seen.items()} == sent
    for run in runs:
        assert run["image"] in [facts["image"] for facts in outputs["nodes"].values()]
    for name, facts in seen.items():
        assert facts["keys"] == [True, True], name
        assert facts["host"] is False, name
        assert facts["memory"] == 2 * 2**30, name
        assert facts["made"] == "ID=debian", name
        assert facts["reached"] == 405, name

    blobs = (contents(path.read_bytes()) for path in world.home.rglob("blobs/**/data"))
    found = [content for blob in blobs for content in blob]
    assert any(b"NODE_NAME" in blob for blob in found), "no layer with predict.py"
    for key in (world.daemon["numerai"][name].encode() for name in ("public_id", "secret_key")):
        assert not any(key in blob for blob in found), "a key is in a layer"

    # In a second round after a restart, the images are pulled from the same registry.
    world.stop()
    world.start()
    world.reconnect()
    assert world.call(outputs["webhooks"]["on-aws"], "t-after-0123456789").status_code == 202
    assert [run["reason"] for run in world.finished(4)] == [""] * 4

    world.cli.destroy()
    assert sum(world.left().values()) == 0
