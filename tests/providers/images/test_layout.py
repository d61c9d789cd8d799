"""The mapping between a Dockerfile's image and the files of its context."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.images.layout import Layout, build_layout
from providers.images.recipe import DockerfileError, read

FILES = ["Dockerfile", "common/common/__init__.py", "common/pyproject.toml", "model_1/predict.py", "model_1/data/a.csv",
         "model_1/requirements.txt", "model_2/predict.py"]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def build(root: Path, *lines: str) -> Layout:
    return build_layout(read("\n".join(["FROM a", "WORKDIR /app", *lines]), {}), root, FILES)


def test_a_folder_over_the_workdir(root: Path) -> None:
    layout = build(root, "COPY model_1/requirements.txt .", "COPY common ./common", "COPY ./model_1/ .")
    assert layout.locate("/app") == root / "model_1"
    assert layout.locate("/app/data/a.csv") == root / "model_1/data/a.csv"
    assert layout.locate("/app/common/pyproject.toml") == root / "common/pyproject.toml"
    assert layout.locate("/app/requirements.txt") == root / "model_1/requirements.txt"
    assert layout.locate("/usr/bin/python") is None
    assert layout.locate("/app/nothing") is None


def test_a_context_copied_to_the_root_does_not_contain_everything(root: Path) -> None:
    layout = build_layout(read("FROM a\nCOPY . .\n", {}), root, FILES)
    assert layout.locate("/model_1/predict.py") == root / "model_1/predict.py"
    assert layout.locate("/bin/sh") is None


def test_single_files_show_their_folder(root: Path) -> None:
    layout = build(root, "COPY model_1/predict.py model_1/requirements.txt ./")
    assert layout.locate("/app") is None
    assert layout.locate("/app/predict.py") == root / "model_1/predict.py"
    assert layout.list_parents("/app") == [root / "model_1"]


def test_patterns_and_new_names(root: Path) -> None:
    layout = build(root, "COPY model_*/predict.py /opt/", "COPY model_1/predict.py /srv/run.py")
    assert layout.files["/opt/predict.py"] == "model_2/predict.py"
    assert layout.locate("/srv/run.py") == root / "model_1/predict.py"


def test_files_outside_the_context_cannot_be_copied(root: Path) -> None:
    with pytest.raises(DockerfileError, match=r"COPY model\.joblib \.: model\.joblib is not in the build context"):
        build(root, "COPY model.joblib .")
