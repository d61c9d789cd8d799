"""Where a Dockerfile puts the files of its context, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.images.layout import Layout, layout
from providers.images.recipe import DockerfileError, read

FILES = ["Dockerfile", "common/common/__init__.py", "common/pyproject.toml", "model_1/predict.py", "model_1/data/a.csv",
         "model_1/requirements.txt", "model_2/predict.py"]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def of(root: Path, *lines: str) -> Layout:
    return layout(read("\n".join(["FROM a", "WORKDIR /app", *lines]), {}), root, FILES)


def test_a_folder_over_the_workdir(root: Path) -> None:
    found = of(root, "COPY model_1/requirements.txt .", "COPY common ./common", "COPY ./model_1/ .")
    assert found.here("/app") == root / "model_1"
    assert found.here("/app/data/a.csv") == root / "model_1/data/a.csv"
    assert found.here("/app/common/pyproject.toml") == root / "common/pyproject.toml"
    assert found.here("/app/requirements.txt") == root / "model_1/requirements.txt"
    assert found.here("/usr/bin/python") is None
    assert found.here("/app/nothing") is None


def test_a_context_in_the_file_systems_root_is_no_home_for_everything(root: Path) -> None:
    found = layout(read("FROM a\nCOPY . .\n", {}), root, FILES)
    assert found.here("/model_1/predict.py") == root / "model_1/predict.py"
    assert found.here("/bin/sh") is None


def test_single_files_tell_their_folder(root: Path) -> None:
    found = of(root, "COPY model_1/predict.py model_1/requirements.txt ./")
    assert found.here("/app") is None
    assert found.here("/app/predict.py") == root / "model_1/predict.py"
    assert found.parents("/app") == [root / "model_1"]


def test_patterns_and_new_names(root: Path) -> None:
    found = of(root, "COPY model_*/predict.py /opt/", "COPY model_1/predict.py /srv/run.py")
    assert found.files["/opt/predict.py"] == "model_2/predict.py"
    assert found.here("/srv/run.py") == root / "model_1/predict.py"


def test_what_is_not_sent_cannot_be_copied(root: Path) -> None:
    with pytest.raises(DockerfileError, match=r"COPY model\.joblib \.: model\.joblib is not in the build context"):
        of(root, "COPY model.joblib .")
