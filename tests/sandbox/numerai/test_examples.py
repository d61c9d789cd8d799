"""The examples as their containers run them, against the sandbox's Numerai: built from their own Dockerfile."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from sandbox.cloud import Kernel
from sandbox.images import Image
from sandbox.numerai.app import Numerai
from tests.sandbox.numerai.conftest import CLASSIC_MODEL, CRYPTO_MODEL, SIGNALS_MODEL, World

EXAMPLES = Path(__file__).parents[3] / "examples"
MODELS = {"tournament": CLASSIC_MODEL, "signals": SIGNALS_MODEL, "crypto": CRYPTO_MODEL}
ROWS = {"tournament": 500, "signals": 400, "crypto": 300}

# Only the address of Numerai is changed; everything else is the script as it is.
RUNNER = """
import runpy, sys
import numerapi.base_api
numerapi.base_api.API_TOURNAMENT_URL = sys.argv[1]
sys.path.insert(0, "")
runpy.run_path(sys.argv[2], run_name="__main__")
"""


def built(kernel: Kernel, name: str) -> Image:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted((EXAMPLES / f"{name}-python").iterdir()):
            if path.is_file() and path.name != "model.joblib":
                archive.add(path, path.name)
    digest = kernel.images.build(name, buffer.getvalue(), "Dockerfile", {}, ["latest"], lambda _line: None)
    image = kernel.images.get(name, digest)
    assert image is not None
    assert image.command == ["python", "predict.py"]
    return image


def run(image: Image, world: World, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(image.environment / "bin" / "python"), "-c", RUNNER, world.url, script],
        cwd=image.root / image.workdir.lstrip("/"),
        # one thread: for data this small, threads that wait for each other take longer than the work
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", **image.env, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def keys(numerai: Numerai) -> dict[str, str]:
    return {"NUMERAI_PUBLIC_ID": numerai.public_id, "NUMERAI_SECRET_KEY": numerai.secret_key}


@pytest.mark.parametrize("name", list(MODELS))
def test_without_a_model_file_it_trains_predicts_and_submits(
    kernel: Kernel, numerai: Numerai, world: World, name: str
) -> None:
    numerai.set_webhook(MODELS[name], "https://hooks.example.com/")
    (trigger,) = numerai.open_round()["triggers"]
    done = run(
        built(kernel, name), world, "predict.py",
        MODEL_ID=MODELS[name], TRIGGER_ID=trigger["trigger_id"], ROUND_NUMBER="1001", **keys(numerai),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = numerai.submissions()
    assert (record["model_id"], record["rows"]) == (MODELS[name], ROWS[name])
    assert (record["trigger_id"], record["known_trigger"]) == (trigger["trigger_id"], True)
    assert (record["round"], record["state"]) == (1001, "on-time")
    assert record["corr"] > 0.25  # chance has a standard deviation of about 0.05
    assert "training a small model" in done.stdout
    assert f"submitted: {record['id']}" in done.stdout
    assert numerai.secret_key not in done.stdout + done.stderr


@pytest.mark.parametrize("name", list(MODELS))
def test_with_a_model_file_it_only_predicts(kernel: Kernel, numerai: Numerai, world: World, name: str) -> None:
    image = built(kernel, name)
    trained = run(image, world, "train.py")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert "held-out" in trained.stdout
    done = run(image, world, "predict.py", MODEL_ID=MODELS[name], **keys(numerai))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loaded model.joblib" in done.stdout
    assert "trained" not in done.stdout
    (record,) = numerai.submissions()
    assert record["corr"] > 0.25


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"MODEL_ID": ""}, "MODEL_ID is not set"),
        ({"NUMERAI_SECRET_KEY": "WRONG"}, "check the API keys"),
        ({"MODEL_ID": SIGNALS_MODEL}, "Numerai refused the submission: Invalid tournament"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(
    kernel: Kernel, numerai: Numerai, world: World, env: dict[str, str], sentence: str
) -> None:
    done = run(built(kernel, "tournament"), world, "predict.py", **{"MODEL_ID": CLASSIC_MODEL, **keys(numerai), **env})
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert numerai.submissions() == []


def test_the_examples_install_the_same_packages() -> None:
    """One environment serves all three; a change in one requirements.txt is a change in each."""
    assert len({(EXAMPLES / f"{name}-python" / "requirements.txt").read_text() for name in MODELS}) == 1
