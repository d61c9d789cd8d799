"""A model file that the code names and the context lacks is reported; everything doubtful is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import parse
from providers.images.model_files import list_missing_models

ID = "0b9c8a31-6c1e-4f5b-9a35-0d1f6f1b7c09"


def find(folder: Path, **files: str) -> str | None:
    """Return what is said about a node whose folder has these files; in whose names __ is a slash and _DOT_ a dot."""
    for name, text in {"Dockerfile": "FROM scratch\nCOPY . .\n", **files}.items():
        path = folder / "m" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "nodes.yaml").write_text(f"nodes: {{alpha: {{model: {ID}, cloud: aws, source: m}}}}")
    file, problems = parse(folder / "nodes.yaml")
    assert file is not None, problems
    return list_missing_models(file.nodes).get("alpha")


def test_a_file_that_the_code_names_is_missing(tmp_path: Path) -> None:
    said = find(tmp_path, model_DOT_py='import joblib\nmodel = joblib.load(HERE / "resources/model.joblib")\n')
    assert said is not None
    assert said.startswith("model.py, line 2 names model.joblib, which the image will not contain")


def test_r_and_notebooks_are_read_too(tmp_path: Path) -> None:
    assert "predict.R, line 1 names model.rds" in (find(tmp_path, predict_DOT_R="m <- readRDS('model.rds')\n") or "")


@pytest.mark.parametrize(
    "line",
    [
        'url = "https://bucket.example/model.pkl"',  # fetched
        'joblib.load(f"model_{target}.pkl")',  # its name is not known before it runs
        'open("/tmp/model.pkl", "wb")',  # not in the image's folder
        'frame.to_csv("predictions.csv")',  # not a model
        "# writes model.pkl",
    ],
)
def test_nothing_is_said_about_other_names(tmp_path: Path, line: str) -> None:
    assert find(tmp_path, model_DOT_py=line) is None


def test_a_file_in_any_folder_of_the_context_is_enough(tmp_path: Path) -> None:
    assert find(tmp_path, model_DOT_py='load("model.pkl")', trained__model_DOT_pkl="...") is None


def test_an_ignored_file_is_missing(tmp_path: Path) -> None:
    files = {"_DOT_dockerignore": "*.pkl\n", "model_DOT_py": 'load("model.pkl")', "model_DOT_pkl": "..."}
    assert "names model.pkl" in (find(tmp_path, **files) or "")


def test_a_pointer_of_git_lfs_is_not_a_model(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    said = find(tmp_path, model_DOT_py='load("model.pkl")', model_DOT_pkl=pointer)
    assert said == "model.pkl is only a pointer of Git LFS: run `git lfs pull` (docs/how-to/model-files.md)"


def test_a_context_that_cannot_be_read_is_left_to_the_build(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/a.py").symlink_to("a.py")
    assert find(tmp_path, model_DOT_py='load("model.pkl")') is None
