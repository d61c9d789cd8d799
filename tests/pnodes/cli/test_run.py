"""`pnodes run` as a user calls it: in its own process, with secrets in the environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.numerai.app import Numerai
from tests.pnodes.local.project import MODEL_ID, PACKAGES, Project

SHOW = "import json, os\nprint(json.dumps(dict(os.environ)))\n"


def test_the_model_sees_what_its_cloud_would_give_and_no_secret_of_the_person(project: Project) -> None:
    project.node(env="{LEVEL: info}", tournament="signals")
    project.write(predict=SHOW)
    done = project.run("--round", "1234")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["MODEL_ID"], seen["NODE_NAME"], seen["TOURNAMENT"], seen["LEVEL"]) == (
        MODEL_ID, "alice", "signals", "info",
    )  # fmt: skip
    assert (seen["ROUND_NUMBER"], seen["IS_TEST"]) == ("1234", "false")
    assert seen["RUN_ID"].startswith("local-")
    assert "TRIGGER_ID" not in seen
    assert not seen.keys() & {"AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "PULUMI_ACCESS_TOKEN", "XDG_CACHE_HOME"}
    assert "of-the-person" not in done.stdout
    assert not Path(seen["HOME"]).exists()


def test_a_test_run_says_so(project: Project) -> None:
    project.write(predict=SHOW)
    seen = json.loads(project.run("--test").stdout)
    assert (seen["ROUND_NUMBER"], seen["IS_TEST"]) == ("test", "true")


def test_without_submit_no_key_reaches_the_model(project: Project) -> None:
    project.env |= {"NUMERAI_PUBLIC_ID": "REAL-ID", "NUMERAI_SECRET_KEY": "REAL-KEY"}
    project.write(predict=SHOW)
    done = project.run()
    assert json.loads(done.stdout)["NUMERAI_SECRET_KEY"]
    assert "REAL" not in done.stdout + done.stderr
    submitting = project.run("--submit")
    assert json.loads(submitting.stdout)["NUMERAI_SECRET_KEY"] == "REAL-KEY"
    assert "REAL" not in submitting.stderr


def test_with_the_sandbox_stopped_nothing_runs(project: Project) -> None:
    project.env |= {"PULUMI_DEBUG_PROVIDERS": "aws:1", "PNODES_WHEN_STOPPED": "The sandbox has stopped."}
    done = project.run()
    assert done.returncode == 1, done.stderr
    assert done.stderr == "error: The sandbox has stopped.\n"


def test_the_exit_code_is_the_models(project: Project) -> None:
    project.write(predict="import sys; sys.exit(7)\n")
    done = project.run()
    assert done.returncode == 7, done.stderr
    assert "alice: ended with exit code 7" in done.stderr


def test_another_command_runs_in_the_source_folder_and_its_files_stay(project: Project) -> None:
    (project.model / ".dockerignore").write_text("data/\n")
    train = "import os\nos.mkdir('data')\nopen('data/a', 'w').write('1')\nopen('model.txt', 'w').write('x' * 4096)\n"
    project.write(train=train)
    done = project.run("--command", "python train.py", "--json")
    assert done.returncode == 0, done.stderr
    assert (project.model / "model.txt").stat().st_size == 4096
    assert "model.txt (new, 4.0 KB) will be in the image after the next `pulumi up`" in done.stderr
    assert "data/ (1 file, new, 1 bytes) stays out of the image (.dockerignore)" in done.stderr
    told = json.loads(done.stdout)
    assert (told["exit_code"], told["command"], told["submit"]) == (0, ["python", "train.py"], False)
    assert [(each["path"], each["in_image"]) for each in told["files"]] == [("data/", False), ("model.txt", True)]
    assert not list(project.model.rglob("__pycache__"))


def test_a_second_run_leaves_nothing_to_tell(project: Project) -> None:
    project.run()
    done = project.run()
    assert done.stdout == "predicted\n"
    assert "image" not in done.stderr
    assert "creating the Python environment" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (("--command", "'"), "--command: the quotes do not match", 2),
        (("--command", ""), "got an empty one", 2),
        (("--file", "nothing.yaml"), "there is no such file", 2),
        (("--command", "no-such-program"), "no-such-program could not be started in", 127),
        (("--submit",), "--submit: Numerai's API key is not set", 1),
    ],
)
def test_mistakes_are_sentences(project: Project, arguments: tuple[str, ...], sentence: str, code: int) -> None:
    project.env["PATH"] = "/usr/bin:/bin"
    done = project.run(*arguments)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_node_that_is_not_there(project: Project) -> None:
    (project.folder / "nodes.yaml").write_text((project.folder / "nodes.yaml").read_text().replace("alice", "alicia"))
    done = project.run()
    assert done.returncode == 2, done.stderr
    assert 'nodes.yaml has no node "alice". Did you mean "alicia"?' in done.stderr


def test_a_dockerfile_in_stages_is_for_a_container(project: Project) -> None:
    project.write(Dockerfile="FROM a AS b\nFROM python:3-slim\n")
    done = project.run()
    assert done.returncode == 1, done.stderr
    assert "line 2: a second FROM needs a container engine. Add --container." in done.stderr


def test_a_program_that_is_not_here(project: Project) -> None:
    project.write(Dockerfile='FROM rocker/r-ver:4.6.0\nWORKDIR /app\nCOPY . .\nCMD ["no-such-R", "predict.R"]\n')
    done = project.run()
    assert done.returncode == 1, done.stderr
    assert "no-such-R, which alice runs, is not installed on this machine" in done.stderr


def test_another_language_runs_when_its_program_is_here(project: Project) -> None:
    project.write(Dockerfile="FROM debian\nENV FILE=/app/model.txt\nWORKDIR /app\nCOPY . .\nCMD echo $FILE > $FILE\n")
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert (project.model / "model.txt").read_text() == f"{project.model}/model.txt\n"


def test_more_memory_than_the_node_has_is_a_warning(project: Project) -> None:
    project.node(size="{cpu: 0.25, memory: 512MiB}")
    project.write(predict="import time\nheld = bytearray(600 * 2**20)\ntime.sleep(1)\n")
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "of the node's 512 MiB: the cloud would kill this run" in done.stderr


PREDICT = """\
import os
import numpy, pandas
from numerapi import NumerAPI
api = NumerAPI(verbosity="error", show_progress_bars=False)
path = api.download_dataset("v5.3/live.parquet", os.environ["TMPDIR"] + "/live.parquet")
live = pandas.read_parquet(path, columns=[])
frame = pandas.DataFrame({"id": live.index, "prediction": numpy.linspace(0.01, 0.99, len(live))})
print("submitted:", api.upload_predictions(df=frame, model_id=os.environ["MODEL_ID"]))
"""


@pytest.fixture
def submitting(project: Project) -> Project:
    """A project whose model predicts and uploads with numerapi, like a real model."""
    project.node(env=f"{{PYTHONPATH: {PACKAGES}}}")
    project.write(predict=PREDICT)
    return project


def test_predictions_are_checked_and_kept_not_submitted(submitting: Project, numerai: Numerai) -> None:
    done = submitting.run("--json")
    assert done.returncode == 0, done.stderr
    assert numerai.submissions() == []
    (kept,) = submitting.predictions()
    assert json.loads(done.stdout)["predictions"] == [str(kept)]
    assert "submitted: not-submitted" in done.stderr
    assert "500 rows, values between 0 and 1, no id twice, 500 of 500 live ids" in done.stderr
    assert f"written to {kept}, not submitted" in done.stderr
    assert kept.read_text().startswith("id,prediction\n")
    assert (submitting.folder / ".pnodes" / ".gitignore").read_text() == "*\n"


def test_with_submit_they_arrive(submitting: Project, numerai: Numerai) -> None:
    submitting.env |= {"NUMERAI_PUBLIC_ID": numerai.public_id, "NUMERAI_SECRET_KEY": numerai.secret_key}
    done = submitting.run("--submit")
    assert done.returncode == 0, done.stderr
    (record,) = numerai.submissions()
    assert (record["model_id"], record["rows"], record["trigger_id"]) == (MODEL_ID, 500, None)
    assert submitting.predictions() == []
    assert numerai.secret_key not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("frame.loc[3, 'prediction'] = None", "1 of 500 rows have no prediction (NaN)"),
        ("frame.loc[3, 'prediction'] = 1.5", "1 of 500 predictions are not between 0 and 1, such as 1.5"),
        ("frame.loc[3, 'id'] = frame.loc[4, 'id']", "499 of the 500 live ids have a prediction, 500 are needed"),
        ("frame = frame.rename(columns={'prediction': 'p'})", "expected ids and one of prediction, signal"),
    ],
)
def test_what_numerai_would_refuse_is_refused_here(
    submitting: Project, numerai: Numerai, line: str, sentence: str
) -> None:
    submitting.write(predict=PREDICT.replace("print(", f"{line}\nprint("))
    done = submitting.run()
    assert done.returncode == 1, done.stderr
    assert (
        f"ValueError: {sentence}" in done.stderr
        or f"ValueError: the columns of the predictions: {sentence}" in done.stderr
    )
    assert numerai.submissions() == []


def test_nothing_else_is_changed_at_numerai_either(submitting: Project, numerai: Numerai) -> None:
    submitting.env |= {"NUMERAI_PUBLIC_ID": numerai.public_id, "NUMERAI_SECRET_KEY": numerai.secret_key}
    submitting.write(
        predict="import os, numerapi\n"
        f"api = numerapi.SignalsAPI({numerai.public_id!r}, {numerai.secret_key!r}, verbosity='critical')\n"
        "try:\n    api.set_submission_webhook(os.environ['MODEL_ID'], 'https://example.com/')\n"
        "except ValueError as error:\n    print(error)\n"
        "print(api.model_upload('model.pkl'), api.get_current_round())\n"
    )
    done = submitting.run()
    assert done.returncode == 0, done.stderr
    assert "this run changes nothing at Numerai" in done.stdout
    assert "not-submitted 1001" in done.stdout
    assert numerai.open_round()["triggers"] == []


def test_a_models_name_is_looked_up_with_the_keys_that_are_there(submitting: Project, numerai: Numerai) -> None:
    submitting.node(model="no-such-model")
    submitting.write(predict=SHOW)
    without = submitting.run()
    assert "note: MODEL_ID is a placeholder" in without.stderr
    assert json.loads(without.stdout)["MODEL_ID"] == "00000000-0000-0000-0000-000000000000"
    submitting.env |= {"NUMERAI_PUBLIC_ID": numerai.public_id, "NUMERAI_SECRET_KEY": numerai.secret_key}
    wrong = submitting.run("--submit")
    assert wrong.returncode == 1, wrong.stderr
    assert 'the account has no classic model "no-such-model"' in wrong.stderr
