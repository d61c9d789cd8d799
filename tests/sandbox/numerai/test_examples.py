"""The examples, built from their own Dockerfiles, run as in their containers against the sandbox's Numerai."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from providers.images.context import BuildContext
from sandbox.cloud import Kernel
from sandbox.images import Image
from sandbox.numerai.app import Numerai
from tests.sandbox.numerai.example_models import EXAMPLES, MODELS, built, copied
from tests.sandbox.numerai.image_runs import keys, run
from tests.sandbox.numerai.training_data import PART, ROWS, SETS, measure, write_data
from tests.sandbox.numerai.world import CLASSIC_MODEL, SIGNALS_MODEL, World

Trained = dict[str, tuple[Path, bytes, str]]
"""name -> the model file's path in the image, its content, and the output of train.py"""


@pytest.fixture(scope="module")
def models() -> Trained:
    return {}


def train(models: Trained, image: Image, world: World, name: str) -> str:
    """Put a model's file into its image; return the output of train.py, which runs once for each model."""
    if name not in models:
        done = run(image, world, "train.py", **MODELS[name].env)
        assert done.returncode == 0, done.stdout + done.stderr
        (file,) = image.root.rglob("model.joblib")
        models[name] = file.relative_to(image.root), file.read_bytes(), done.stdout
    path, content, output = models[name]
    (image.root / path).write_bytes(content)
    return output


@pytest.mark.parametrize("name", list(MODELS))
def test_without_a_model_file_it_trains_predicts_and_submits(
    kernel: Kernel, numerai: Numerai, world: World, tmp_path: Path, name: str
) -> None:
    model = MODELS[name].model
    numerai.set_webhook(model, "https://hooks.example.com/")
    (trigger,) = numerai.open_round()["triggers"]
    process = run(
        built(kernel, tmp_path, name), world, "predict.py",
        MODEL_ID=model, TRIGGER_ID=trigger["trigger_id"], ROUND_NUMBER="1001", **keys(numerai), **MODELS[name].env,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    (record,) = numerai.submissions()
    assert (record["model_id"], record["rows"]) == (model, MODELS[name].rows)
    assert (record["trigger_id"], record["known_trigger"]) == (trigger["trigger_id"], True)
    assert (record["round"], record["state"]) == (1001, "on-time")
    assert record["corr"] > 0.25  # chance has a standard deviation of about 0.05
    assert "training a small model" in process.stdout
    assert f"submitted: {record['id']}" in process.stdout
    assert numerai.secret_key not in process.stdout + process.stderr


@pytest.mark.parametrize("name", list(MODELS))
def test_with_a_model_file_it_only_predicts(
    kernel: Kernel, numerai: Numerai, world: World, models: Trained, tmp_path: Path, name: str
) -> None:
    image = built(kernel, tmp_path, name)
    assert "held-out" in train(models, image, world, name)
    process = run(image, world, "predict.py", MODEL_ID=MODELS[name].model, **keys(numerai), **MODELS[name].env)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "loaded model.joblib" in process.stdout
    assert "trained" not in process.stdout
    (record,) = numerai.submissions()
    assert record["corr"] > 0.25


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's count of a process's memory")
def test_training_needs_less_than_4_gib(kernel: Kernel, tmp_path: Path) -> None:
    image = built(kernel, tmp_path, "tournament")
    write_data(tmp_path, ROWS // PART)
    imports, _ = measure(image)
    peak, log = measure(image, str(tmp_path))
    assert "rows of 144 eras with 42 features" in log, log
    costs = re.findall(r"^  (\w+) +(\d+) eras +([\d.]+) GiB +\d+ min$", log, re.MULTILINE)
    assert [cost[:2] for cost in costs] == [(name, eras) for name in SETS for eras in ("144", "574")], log
    assert imports < float(costs[0][2]) * 2**30 < 4 << 30
    assert imports + (peak - imports) * PART < 4 << 30, (imports, peak)


@pytest.mark.parametrize("name", ["tournament", "shared-1", "pred2"])
@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"MODEL_ID": ""}, "MODEL_ID is not set"),
        ({"NUMERAI_SECRET_KEY": "WRONG"}, "check the API keys"),
        ({"MODEL_ID": SIGNALS_MODEL}, "Numerai rejected the submission: Invalid tournament"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(
    kernel: Kernel,
    numerai: Numerai,
    world: World,
    models: Trained,
    tmp_path: Path,
    name: str,
    env: dict[str, str],
    sentence: str,
) -> None:
    image = built(kernel, tmp_path, name)
    train(models, image, world, name)
    process = run(image, world, "predict.py", **{"MODEL_ID": CLASSIC_MODEL, **keys(numerai), **MODELS[name].env, **env})
    assert process.returncode == 1, process.stderr
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr
    assert numerai.submissions() == []


def test_a_model_of_another_data_version_is_not_used(
    kernel: Kernel, numerai: Numerai, world: World, models: Trained, tmp_path: Path
) -> None:
    image = built(kernel, tmp_path, "shared-1")
    train(models, image, world, "shared-1")
    code = image.root / "app" / "model.py"
    code.write_text(
        code.read_text() + "\nimport common.data, common.model_file\ncommon.model_file.DATA_VERSION = 'v9'\n"
    )
    process = run(image, world, "predict.py", MODEL_ID=CLASSIC_MODEL, **keys(numerai))
    assert process.returncode == 1, process.stderr
    assert "run train.py again" in process.stderr
    assert numerai.submissions() == []


@pytest.mark.parametrize(
    ("changed", "rebuilt"),
    [
        ("common/src/common/data.py", {"shared-1", "shared-2"}),
        ("common/pyproject.toml", {"shared-1", "shared-2"}),
        ("model_1/predict.py", {"shared-1"}),
        ("model_1/model.joblib", {"shared-1"}),
        ("model_2/requirements.txt", {"shared-2"}),
        ("model_2/Dockerfile", {"shared-2"}),
        ("README.md", set()),
        ("data/v5.3/train.parquet", set()),
        ("model_1/__pycache__/model.cpython-312.pyc", set()),
        ("common/src/common/__pycache__/data.cpython-312.pyc", set()),
        ("model_1/.venv/pyvenv.cfg", set()),
    ],
)
def test_a_change_builds_just_the_images_that_it_is_in(tmp_path: Path, changed: str, rebuilt: set[str]) -> None:
    both = {name: copied(MODELS[name], tmp_path / name) for name in ("shared-1", "shared-2")}
    again = {}
    for name, context in both.items():
        before = context.digest
        file = context.root / changed
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((file.read_bytes() if file.exists() else b"") + b"\n")
        again[name] = BuildContext(context.root, context.dockerfile).digest != before
    assert {name for name, differs in again.items() if differs} == rebuilt


def test_images_hold_what_they_need_and_nothing_else(tmp_path: Path) -> None:
    """The context has the package's code and the model file for predictions, but no keys, notes or downloads."""
    for name, example in MODELS.items():
        context = copied(example, tmp_path / name)
        for path in (".env", "data/x.parquet", "__pycache__/x.pyc", ".numerai/keys", "model.joblib"):
            file = context.dockerfile.parent / path
            file.parent.mkdir(exist_ok=True)
            file.write_text("x")
        names = {Path(file).name for file in BuildContext(context.root, context.dockerfile).files}
        assert {"model.joblib", "predict.py", "train.py", "requirements.txt", "Dockerfile"} <= names, name
        assert not names & {".env", "x.parquet", "x.pyc", "keys", "README.md", ".gitignore"}, name


def test_signals_and_crypto_install_the_same_packages() -> None:
    """All share one environment, so their requirements.txt must be equal, those of model 1 and 2 included."""
    folders = ["signals-python", "crypto-python", "shared-package/model_1", "shared-package/model_2", "predictors"]
    assert len({(EXAMPLES / folder / "requirements.txt").read_text() for folder in folders}) == 1


@pytest.mark.parametrize(("name", "sentence"), [("", "the predictors are: pred1, pred2"), ("../..", 'is "../.."')])
def test_a_predictor_that_is_not_there_is_told(
    kernel: Kernel, numerai: Numerai, world: World, tmp_path: Path, name: str, sentence: str
) -> None:
    image = built(kernel, tmp_path, "pred1")
    process = run(image, world, "predict.py", MODEL_ID=CLASSIC_MODEL, **keys(numerai), PREDICTOR=name)
    assert process.returncode == 1, process.stderr
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr


def test_a_predictor_of_the_cloud_run_recipe_runs_as_it_is(
    kernel: Kernel, numerai: Numerai, world: World, tmp_path: Path
) -> None:
    """The script does not depend on this project: it takes model id and keys from the environment."""
    image = built(kernel, tmp_path, "pred1")
    folder = image.root / "app" / "predictors" / "mine"
    (folder / "resources").mkdir(parents=True)
    (folder / "resources" / "factor.txt").write_text("2")
    (folder / "helper.py").write_text("def read(path):\n    return float(open(path).read())\n")
    (folder / "predictor.py").write_text(
        "import os\nimport helper\nimport pandas as pd\nfrom numerapi import NumerAPI\n\n"
        "def run():\n"
        "    napi = NumerAPI(os.environ['NUMERAI_PUBLIC_ID'], os.environ['NUMERAI_SECRET_KEY'])\n"
        "    napi.download_dataset('v5.3/live.parquet', 'live.parquet')\n"
        "    live = pd.read_parquet('live.parquet')\n"
        "    live['prediction'] = range(1, len(live) + 1)\n"
        "    live['prediction'] = (live['prediction'] / helper.read('resources/factor.txt')).rank(pct=True) * 0.99\n"
        "    napi.upload_predictions(df=live['prediction'].reset_index(), model_id=os.environ['NUMERAI_MODEL_ID'])\n"
    )
    numerai.set_webhook(CLASSIC_MODEL, "https://hooks.example.com/")
    (trigger,) = numerai.open_round()["triggers"]
    env = {"MODEL_ID": CLASSIC_MODEL, "TRIGGER_ID": trigger["trigger_id"], "PREDICTOR": "mine", **keys(numerai)}
    process = run(image, world, "predict.py", **env)
    assert process.returncode == 0, process.stdout + process.stderr
    (record,) = numerai.submissions()
    assert (record["trigger_id"], record["known_trigger"], record["rows"]) == (trigger["trigger_id"], True, 500)
