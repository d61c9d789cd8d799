"""docs/coming-from-cloud-run.md: its steps create a valid folder and valid nodes."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT
from providers.checks import load_checked
from providers.images.context import BuildContext

PAGE = (ROOT / "docs" / "coming-from-cloud-run.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """Return the page's first block of a kind."""
    match = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert match
    return textwrap.dedent(match[1])


SERVICE = {
    "Makefile": "release-%:\n\ttrue\n",
    "common/main.py": "from predictor import run\n",
    "common/shared.py": "",
    "predictors/pred1/Dockerfile": "FROM python:3.11-slim-bullseye\nRUN apt-get install libgomp1\n",
    "predictors/pred1/predictor.py": "def run(): ...\n",
    # The recipe's file ends without a newline.
    "predictors/pred1/requirements.txt": "fastapi==0.87.0\nlightgbm==3.3.3\nnumpy==1.23.5\nwebsockets==10.4",
    "predictors/pred1/resources/.gitkeep": "",
    "predictors/pred1/resources/model.pkl": "a model",
    "predictors/pred2/Dockerfile": "FROM python:3.11-slim-bullseye\n",
    "predictors/pred2/predictor.py": "def run(): ...\n",
    "predictors/pred2/requirements.txt": "catboost==1.1.1\nnumpy==1.23.5",
    "predictors/pred2/resources/.gitkeep": "",
}
"""A service with the layout of the public recipe (github.com/hiohiohio/numerai-compute-cloudrun-template), and one more
predictor."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Follow the page in a clone of this project next to the service."""
    project, service = tmp_path / "project", tmp_path / "numerai-compute"
    unwanted = shutil.ignore_patterns("data", "model.joblib", "__pycache__")
    shutil.copytree(ROOT / "examples", project / "examples", ignore=unwanted)
    for path, text in SERVICE.items():
        (service / path).parent.mkdir(parents=True, exist_ok=True)
        (service / path).write_text(text)
    subprocess.run(["sh", "-ec", block("sh")], cwd=project, check=True)
    (project / "nodes.yaml").write_text(block("yaml"))
    return project


def test_the_steps_create_nodes_with_the_predictors_of_the_service(project: Path) -> None:
    (node,) = load_checked(project / "nodes.yaml").nodes
    assert (node.cloud, node.env, node.timeout) == ("gcp", {"PREDICTOR": "pred1"}, 1200)
    assert not node.register_webhook
    files = BuildContext(node.context, node.dockerfile).files
    assert {"predict.py", "common/shared.py", "common/chosen.py", "predictors/pred1/resources/model.pkl"} <= set(files)
    assert "common/main.py" not in files, "the service imports packages that a job does not need"
    assert (project / "mine" / "predictors" / "pred1" / "predictor.py").read_text() == "def run(): ...\n"


def test_the_image_has_the_recipe_s_python_and_packages_and_the_library_of_lightgbm(project: Path) -> None:
    dockerfile = (project / "mine" / "Dockerfile").read_text()
    assert re.findall(r"^FROM (.*)$", dockerfile, re.MULTILINE) == ["python:3.11-slim"]
    assert re.search(r"^RUN apt-get .* libgomp1\b", dockerfile, re.MULTILINE)
    packages = (project / "mine" / "requirements.txt").read_text().splitlines()
    pinned = ["catboost==1.1.1", "fastapi==0.87.0", "lightgbm==3.3.3", "numpy==1.23.5", "websockets==10.4"]
    assert packages == pinned, "one version of each, and none of the example's own"


def test_the_commands_of_a_release_are_those_that_exist(project: Path) -> None:
    assert "after the first `pulumi up`" in PAGE
    stub = project / "pnodes"
    stub.write_text('#!/bin/sh\necho "$@" >> ../called\n')
    stub.chmod(0o755)
    for command in re.findall(r"make -C mine [^`#\n]+(?:\n\s+ARGS=--yes)?", PAGE):
        subprocess.run([*command.split(), f"PNODES={stub}"], cwd=project, check=True, capture_output=True)
    assert (project / "called").read_text().splitlines() == ["release pred1", "release pred1 --yes"]


def test_secrets_and_the_service_account_are_brought_over(project: Path) -> None:
    secrets, account = re.findall(r"   ```yaml\n   nodes:\n     pred1:\n       ([sg].*?)\n   ```", PAGE, re.DOTALL)
    text = (project / "nodes.yaml").read_text()
    (project / "nodes.yaml").write_text(text + f"    {secrets}\n    {account}\n")
    (node,) = load_checked(project / "nodes.yaml").nodes
    assert (node.secrets, node.rights) == (
        ("EODHD_TOKEN",),
        ("numerai-compute@my-project.iam.gserviceaccount.com",),
    )
    assert "--secret eodhd-token | pulumi config set --secret EODHD_TOKEN" in PAGE
