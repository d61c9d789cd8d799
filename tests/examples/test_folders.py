"""Every model in examples/ has a Dockerfile or makes a pickle; it has entry points, a README and pinned versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT

EXAMPLES = ROOT / "examples"
MODELS = sorted(path.parent for path in EXAMPLES.rglob("Dockerfile"))
PICKLES = [EXAMPLES / "tournament-pickle"]
PYTHON = [folder for folder in (*MODELS, *PICKLES) if (folder / "requirements.txt").exists()]


def test_every_example_has_a_model() -> None:
    names = {folder.relative_to(EXAMPLES).parts[0] for folder in (*MODELS, *PICKLES)}
    assert names == {path.name for path in EXAMPLES.iterdir()}


@pytest.mark.parametrize("folder", MODELS, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_an_image_has_separate_programs_for_training_and_predicting(folder: Path) -> None:
    names = {path.stem for path in folder.iterdir()}
    assert {"predict", "train"} <= names
    command = re.findall(r"^CMD (.*)$", (folder / "Dockerfile").read_text(), re.MULTILINE)
    assert len(command) == 1
    assert "predict." in command[0]
    assert "train" not in command[0]


@pytest.mark.parametrize("folder", MODELS, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_keys_and_downloads_stay_out_of_the_image(folder: Path) -> None:
    own = [folder / "Dockerfile.dockerignore", folder / ".dockerignore"]
    patterns = next(path for path in own if path.exists()).read_text().split()
    for excluded in ("data", ".env", ".numerai", "*.md"):
        assert {excluded, f"{excluded}/", f"**/{excluded}"} & set(patterns), excluded


@pytest.mark.parametrize("folder", MODELS, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_base_images_name_a_minor_version(folder: Path) -> None:
    (base,) = re.findall(r"^FROM (\S+)", (folder / "Dockerfile").read_text(), re.MULTILINE)
    assert re.search(r":\d+\.\d+", base), base


@pytest.mark.parametrize("folder", PYTHON, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_requirements_are_exact(folder: Path) -> None:
    lines = [line for line in (folder / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9.]+", line)] == []


@pytest.mark.parametrize("folder", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_readme_explains_training_and_the_variables(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    for word in ("train", "MODEL_ID", "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY", "TRIGGER_ID"):
        assert word in text, word
    assert text.count("\n") < 70, "the README should be short"
    ignored = (folder / ".gitignore").read_text().split("\n")
    assert "data/" in ignored, "downloads would be committed to the user's repository"
