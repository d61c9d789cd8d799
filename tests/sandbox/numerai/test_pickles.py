"""Pickled functions, built from their generated contexts, run as in their containers against the sandbox's Numerai."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nodefile.pickles import PYTHONS
from providers.images.arguments import make_context
from providers.images.context import BuildContext
from sandbox.cloud import Kernel
from sandbox.images import Image
from sandbox.numerai.app import Numerai
from tests.nodefile.pickled import write
from tests.providers.images.pickles import pickled_node
from tests.sandbox.numerai.image_runs import keys, run
from tests.sandbox.numerai.world import CLASSIC_MODEL, World

VERSION = f"3.{sys.version_info.minor}"
pytestmark = pytest.mark.skipif(VERSION not in PYTHONS, reason="Numerai has no packages for this Python")


EXAMPLE = Path(__file__).parents[3] / "examples" / "tournament-pickle"


def build(kernel: Kernel, context: BuildContext) -> Image:
    archive, log = io.BytesIO(), list[str]()
    context.pack(archive)
    digest = kernel.images.build("pickle", archive.getvalue(), context.dockerfile_name, {}, ["latest"], log.append)
    image = kernel.images.get("pickle", digest)
    assert isinstance(image, Image), log
    return image


def predict(image: Image, world: World, numerai: Numerai, **env: str) -> subprocess.CompletedProcess[str]:
    return run(image, world, "run.py", MODEL_ID=CLASSIC_MODEL, **keys(numerai), **env)


def test_the_example_trains_and_its_pickle_predicts_and_submits(
    kernel: Kernel, numerai: Numerai, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLE, "example", ignore=shutil.ignore_patterns("data", "*.pkl"))
    dockerfile = tmp_path / "example" / "Dockerfile"
    dockerfile.write_text("FROM python\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n")
    workshop = build(kernel, BuildContext(dockerfile.parent, dockerfile))
    trained = run(workshop, world, "train.py")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    node = pickled_node(VERSION)
    shutil.copy(workshop.root / "app" / "model.pkl", "model.pkl")
    image = build(kernel, make_context(node))
    assert image.command == ["python", "run.py"]

    numerai.set_webhook(CLASSIC_MODEL, "https://hooks.example.com/")
    (trigger,) = numerai.open_round()["triggers"]
    done = predict(image, world, numerai, TRIGGER_ID=trigger["trigger_id"], DATA_VERSION="5")
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = numerai.submissions()
    assert (record["model_id"], record["rows"]) == (CLASSIC_MODEL, 500)
    assert (record["trigger_id"], record["known_trigger"], record["state"]) == (trigger["trigger_id"], True, "on-time")
    assert f"submitted: {record['id']}" in done.stdout
    assert record["corr"] > 0.25  # chance has a standard deviation of about 0.05
    assert "downloading v5.2/live.parquet" in done.stdout
    assert "benchmark" not in done.stdout
    assert numerai.secret_key not in done.stdout + done.stderr

    # A function of two data sets gets both, also of another version.
    write(image.root / "node" / "model.pkl", VERSION, "benchmarked")
    done = predict(image, world, numerai, DATASET_VERSION="v5.3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "downloading v5.3/live_benchmark_models.parquet" in done.stdout

    done = predict(image, world, numerai, DATASET_VERSION="nonsense")
    assert "nonsense/live.parquet cannot be downloaded" in done.stderr
