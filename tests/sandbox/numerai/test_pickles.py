"""Pickled functions, built from their generated contexts, run as in their containers against the sandbox's Numerai."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from nodefile.pickles import PYTHONS
from providers.images.arguments import make_context
from sandbox.cloud import Kernel
from sandbox.images import Image
from sandbox.numerai.app import Numerai
from tests.nodefile.pickled import write
from tests.providers.images.pickles import pickled_node
from tests.sandbox.numerai.image_runs import keys, run
from tests.sandbox.numerai.world import CLASSIC_MODEL, World

VERSION = f"3.{sys.version_info.minor}"
pytestmark = pytest.mark.skipif(VERSION not in PYTHONS, reason="Numerai has no packages for this Python")


@pytest.fixture
def built(kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """The image of a function of both data sets; the executor replaces Numerai's base with this Python."""
    monkeypatch.chdir(tmp_path)
    context, archive, log = make_context(pickled_node(VERSION, "benchmarked")), io.BytesIO(), list[str]()
    context.pack(archive)
    digest = kernel.images.build("pickle", archive.getvalue(), context.dockerfile_name, {}, ["latest"], log.append)
    image = kernel.images.get("pickle", digest)
    assert isinstance(image, Image), log
    assert image.command == ["python", "run.py"]
    return image


def predict(image: Image, world: World, numerai: Numerai, **env: str) -> subprocess.CompletedProcess[str]:
    return run(image, world, "run.py", MODEL_ID=CLASSIC_MODEL, **keys(numerai), **env)


def test_it_predicts_and_submits(numerai: Numerai, world: World, built: Image) -> None:
    numerai.set_webhook(CLASSIC_MODEL, "https://hooks.example.com/")
    (trigger,) = numerai.open_round()["triggers"]
    done = predict(built, world, numerai, TRIGGER_ID=trigger["trigger_id"], DATA_VERSION="5")
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = numerai.submissions()
    assert (record["model_id"], record["rows"]) == (CLASSIC_MODEL, 500)
    assert (record["trigger_id"], record["known_trigger"], record["state"]) == (trigger["trigger_id"], True, "on-time")
    assert f"submitted: {record['id']}" in done.stdout
    assert "downloading v5.2/live_benchmark_models.parquet" in done.stdout
    assert numerai.secret_key not in done.stdout + done.stderr

    # A function of the live features alone needs no other data, which may be of another version.
    write(built.root / "node" / "model.pkl", VERSION, "ranked")
    done = predict(built, world, numerai, DATASET_VERSION="v5.3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "downloading v5.3/live.parquet" in done.stdout
    assert "benchmark" not in done.stdout

    done = predict(built, world, numerai, DATASET_VERSION="nonsense")
    assert "nonsense/live.parquet cannot be downloaded" in done.stderr
