"""Images with the real engine: shared packages, numerai-cli's Dockerfiles, cancelled and failed builds."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import uuid
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.store import Store
from tests.e2e.nodes import CLOUDS, node, nodes
from tests.e2e.packed import contents
from tests.e2e.world import IDS, MakeWorld, World
from tests.pnodes.migrate.old import DOCKERFILE
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

SHARED = """\
FROM python:3.12-slim
ARG SRC_PATH
WORKDIR /app
COPY common/ common/
COPY $SRC_PATH/requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY ${SRC_PATH}/ ./
CMD ["python", "predict.py"]
"""
ALONE = "FROM python:3.12-slim\nWORKDIR /app\nCOPY alone/ ./\nCMD python predict.py\n"

# Places that must hold keys: the clouds' secret stores (values, and resources with them) and Numerai.
KEEPERS = {
    "aws:secret-values",
    "aws:secretsmanager/secretVersion:SecretVersion",
    "azure:secret-values",
    "azure-native:keyvault:Secret",
    "gcp:secret-versions",
    "gcp:secretmanager/secretVersion:SecretVersion",
    "numerai-keys",
}


def images(world: World) -> dict[str, str]:
    return {name: facts["image"] for name, facts in world.cli.outputs()["nodes"].items()}


def changed(world: World, before: dict[str, str]) -> set[str]:
    return {name for name, image in images(world).items() if image != before[name]}


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_change_builds_just_the_nodes_that_see_it(cloud: str, make_world: MakeWorld) -> None:
    world = make_world("")
    for name in ("model_1", "model_2", "alone"):
        world.model(name)
        (world.project / name / "Dockerfile").write_text(ALONE if name == "alone" else SHARED)
    (world.project / "common").mkdir()
    (world.project / "common" / "shared.py").write_text("VALUE = 1\n")
    context = "context: ."
    world.nodes(
        nodes(
            node("one", cloud, "classic", "model_1", context),
            node("two", cloud, "signals", "model_2", context),
            node("alone", cloud, "crypto", "alone", context),
        )
    )
    printed = world.cli.run("up", "--yes", "--skip-preview")
    assert "one: sending 4 files" in printed  # Dockerfile, requirements.txt, predict.py, common/shared.py

    before = images(world)
    append(world.project / "common" / "shared.py", "# changed\n")
    assert world.cli.up().keys() == {"same", "update"}
    assert changed(world, before) == {"one", "two"}

    before = images(world)
    append(world.project / "model_1" / "predict.py", "# a comment\n")
    steps = world.cli.steps()
    assert sorted(steps.values()) == ["update", "update"], steps
    assert not [urn for urn in steps if urn.split("::")[1].split("@")[0] != "one"], steps
    world.cli.up()
    assert changed(world, before) == {"one"}

    # Files outside every image cause no build, and a source that was built before is not built again.
    (world.project / "notes.md").write_text("x")
    assert world.cli.up().keys() == {"same"}
    predict = world.project / "model_1" / "predict.py"
    predict.write_text(predict.read_text().replace("# a comment\n", ""))
    assert "one: the image of this source already exists" in world.cli.run("up", "--yes", "--skip-preview")


@pytest.mark.parametrize("shared", [False, True])
def test_dockerfiles_of_numerai_cli_build_and_run_without_a_key_in_them(shared: bool, make_world: MakeWorld) -> None:
    world = make_world("")
    planted = [world.daemon["numerai"][name] for name in ("public_id", "secret_key")]
    for name, value in zip(("numerai-public-id", "numerai-secret"), planted, strict=True):
        world.cli.run("config", "set", "--secret", name, value)
    for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        del world.cli.env[name]
    world.model("old")
    (world.project / "old" / "Dockerfile").write_text(DOCKERFILE)
    extra = "context: ." if shared else ""
    world.nodes(nodes(*(node(c, c, m, "old", extra) for c, m in zip(CLOUDS, IDS, strict=True))))
    printed = world.cli.run("up", "--yes", "--skip-preview", "--diff")
    outputs = world.cli.outputs()
    for url in outputs["webhooks"].values():
        assert world.call(url, str(uuid.uuid4())).status_code == 202
    for run in world.finished(3):
        assert run["state"] == "SUCCEEDED", run
        seen = json.loads(world.log(run["run_id"]))
        assert seen["keys"] == [True, True]
        assert seen["MODEL_ID"] in IDS.values()

    keys = [value.encode() for value in planted]
    keys += [base64.b64encode(key).rstrip(b"=")[:-1] for key in keys]
    assert not [key for key in keys if key in printed.encode()]
    found: dict[Path | tuple[str, str], list[bytes]] = {
        path: contents(path.read_bytes())
        for folder in (world.home, world.project)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("store.sqlite", "daemon.json"))
    }
    assert len(found) > 50
    # The sandbox's database has the clouds' data, including source archives, logs and jobs.
    held = stored(world)
    archives = [where for where, packed in held.items() if any(DOCKERFILE.encode() in each for each in packed[1:])]
    assert len(archives) == len(CLOUDS)
    holding = {
        where if isinstance(where, Path) else where[1].split()[0] if where[0].startswith("resources:") else where[0]
        for where, unpacked in (found | held).items()
        if any(key in each for key in keys for each in unpacked)
    }
    assert holding == KEEPERS


def stored(world: World) -> dict[Path | tuple[str, str], list[bytes]]:
    """Return every document and blob in the sandbox's database, unpacked."""
    with closing(sqlite3.connect(f"file:{world.home}/store.sqlite?mode=ro", uri=True)) as database:
        rows = database.execute("select kind, key, body from documents union all select bucket, key, body from blobs")
        return {(kind, key): contents(body if isinstance(body, bytes) else body.encode()) for kind, key, body in rows}


SLOW = """\
import pathlib, time, zipfile
here = pathlib.Path({here!r})
def build_wheel(folder, settings=None, metadata=None):
    (here / "begun").touch()
    while not (here / "gate").exists():
        time.sleep(0.1)
    name = "slow-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("slow-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: slow\\nVersion: 1\\n")
        wheel.writestr("slow-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("slow-1.dist-info/RECORD", "")
    return name
"""
# More parallel builds than threads in Pulumi's host by default; the cancellation must still reach it.
SIX = [(cloud, number) for cloud in CLOUDS for number in (1, 2)]


def test_a_cancelled_up_cancels_its_builds_and_the_next_one_heals(make_world: MakeWorld) -> None:
    world = make_world("")
    world.model("slow", requirements=f"./slow\n# {uuid.uuid4()}\n")
    (world.project / "slow" / "Dockerfile").write_text(
        "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python predict.py\n"
    )
    (world.project / "slow" / "slow").mkdir()
    (world.project / "slow" / "slow" / "backend.py").write_text(SLOW.format(here=str(world.project)))
    (world.project / "slow" / "slow" / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "1"\n'
    )
    models = [("classic", 1), ("classic", 4), ("classic", 5), ("signals", 2), ("signals", 6), ("signals", 7)]
    world.nodes(
        nodes(
            *(
                node(f"{cloud}{number}", cloud, kind, "slow").replace(IDS[kind], f"{IDS[kind][:-2]}{place:02}")
                for (cloud, number), (kind, place) in zip(SIX, models, strict=True)
            )
        )
    )
    for times, interrupt in enumerate((signal.SIGINT, signal.SIGTERM), 1):
        with world.cli.started("up", "--yes", "--skip-preview") as up:
            said = up.until(lambda text: all(f"{cloud}{number}: FROM" in text for cloud, number in SIX), 300)
            wait_until((world.project / "begun").exists, "no build has begun")
            up.process.send_signal(interrupt)
            said = up.ended(120)
        for cloud, number in SIX:
            assert f"{cloud}{number}: the build was cancelled" in said, said
        assert "was cancelled with the update; the next `pulumi up` builds it" in said
        assert "Traceback" not in said, said
        cancelled = {"STOPPED": 2 * times, "CANCELLED": 2 * times, "Canceled": 2 * times}
        assert builds(world) == cancelled

    (world.project / "gate").touch()
    world.cli.up()
    assert builds(world) == cancelled | {"SUCCEEDED": 2, "SUCCESS": 2, "Succeeded": 2}
    assert world.cli.preview().keys() == {"same"}


def builds(world: World) -> Counter[str]:
    """Count the final states of the builds in the three clouds, in the clouds' own terms."""
    store = Store(world.home)
    states = {"aws:builds": "buildStatus", "gcp:builds": "status", "azure:acr-runs": "status"}
    ends = Counter(str(build[key]) for kind, key in states.items() for build in store.all(kind).values())
    store.close()
    return ends
