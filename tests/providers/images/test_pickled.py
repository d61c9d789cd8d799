"""The generated build context of a node with a pickle."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nodefile.pickles import PYTHONS
from providers.checks import list_notes, load_checked
from providers.images import pickled
from providers.images.arguments import make_context
from providers.images.context import BuildContext, ContextError
from providers.images.pickled import run
from providers.images.recipe import read
from tests.nodefile.pickled import write
from tests.providers.images.pickles import pickled_node


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def generated(name: str) -> str:
    return Path(".pnodes", "contexts", "alpha", name).read_text()


def test_the_image_starts_from_numerais_own() -> None:
    context = make_context(pickled_node())
    names = ["Dockerfile", "constraints.txt", "model.pkl", "requirements.txt", "run.py"]
    assert context.files == names
    assert sorted(str(path) for path in Path().iterdir()) == [".pnodes", "model.pkl", "nodes.yaml"]
    recipe = read(generated("Dockerfile"), {})
    assert recipe.base == "ghcr.io/numerai/numerai_predict_py_3_12:stable"
    assert (recipe.entrypoint, recipe.command) == ([], ["python", "run.py"])
    assert "pip install" not in generated("Dockerfile").replace("test -e /predict.py || pip install", "")
    context.check()


def test_the_slim_image_has_numerais_versions_of_what_the_pickle_names() -> None:
    make_context(pickled_node("3.12", "predict", '    python: "3.12-slim"\n'))
    assert read(generated("Dockerfile"), {}).base == "python:3.12-slim"
    assert "libgomp1" in generated("Dockerfile"), "LightGBM needs OpenMP"
    assert generated("requirements.txt").splitlines() == [
        "cloudpickle==3.1.1",
        "lightgbm==4.5.0",
        "numerapi==2.20.7",
        "pandas==2.3.1",
        "pyarrow==18.1.0",
        "scikit-learn==1.6.1",
    ]
    assert "scipy==1.16.0" in generated("constraints.txt").splitlines()


def test_the_nodes_own_packages_replace_numerais() -> None:
    make_context(pickled_node("3.12", "predict", "    packages: [LightGBM==4.6.0, polars]\n"))
    assert generated("packages.txt") == "LightGBM==4.6.0\npolars\n"
    assert "RUN pip install --no-cache-dir -r packages.txt" in generated("Dockerfile")
    for name in ("requirements.txt", "constraints.txt"):
        assert "lightgbm" not in generated(name)
    make_context(pickled_node("3.12", "predict"))
    assert not Path(".pnodes/contexts/alpha/packages.txt").exists()


@pytest.mark.parametrize("version", PYTHONS)
def test_each_python_has_numerais_packages_with_their_origin(version: str) -> None:
    make_context(pickled_node(version))
    lines = (Path(pickled.__file__).parent / f"python{version}.txt").read_text().splitlines()
    assert "github.com/numerai/numerai-predict" in lines[0]
    assert "commit 19d1769589f83898a293f398e58c0bb1f0943c61 (MIT" in lines[1]
    pins = dict(line.split("==") for line in lines[2:])
    assert {"numerapi", "pandas", "pyarrow", "cloudpickle", "scikit-learn", "lightgbm", "torch"} <= pins.keys()
    assert {line.split("==")[0] for line in generated("requirements.txt").splitlines()} <= pins.keys()


def test_the_digest_changes_with_the_pickle_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = pickled_node()
    first = make_context(node).digest
    written = {path: path.stat().st_mtime_ns for path in node.source.iterdir()}
    Path(".dockerignore").write_text("*\n")
    Path("other.txt").write_text("other")
    assert make_context(node).digest == first
    assert {path: path.stat().st_mtime_ns for path in node.source.iterdir()} == written
    elsewhere = tmp_path / "elsewhere" / "deeper"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert make_context(pickled_node()).digest == first
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "model.pkl", "3.12", "benchmarked")
    assert make_context(node).digest != first


def test_a_pickle_that_is_replaced_is_replaced_in_the_context(tmp_path: Path) -> None:
    node = pickled_node()
    make_context(node)
    write(tmp_path / "new.pkl", "3.12", "benchmarked").replace(tmp_path / "model.pkl")
    context = make_context(node)
    archive = io.BytesIO()
    assert context.pack(archive) == context.digest
    archive.seek(0)
    with tarfile.open(fileobj=archive) as bundle:
        packed = bundle.extractfile("model.pkl")
        assert packed is not None
        assert packed.read() == (tmp_path / "model.pkl").read_bytes()


def test_on_another_file_system_the_pickle_is_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    copies: list[object] = []
    copy = shutil.copy2
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copy2", lambda *paths: copies.append(copy(*paths)))
    node = pickled_node()
    linked = make_context(node).digest
    assert make_context(node).digest == linked
    assert len(copies) == 1


def test_the_context_stays_out_of_git_and_of_other_contexts() -> None:
    make_context(pickled_node())
    assert Path(".pnodes/.gitignore").read_text() == "*\n"
    Path("Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    root = Path.cwd()
    assert BuildContext(root, root / "Dockerfile").files == ["Dockerfile", "model.pkl", "nodes.yaml"]


def test_a_damaged_pickle_is_a_mistake_of_the_context() -> None:
    node = pickled_node()
    Path("model.pkl").write_bytes(Path("model.pkl").read_bytes()[:-20])
    with pytest.raises(ContextError, match=r"model\.pkl cannot be used: it is damaged or incomplete"):
        make_context(node)


def test_modules_that_no_package_seems_to_have_are_named() -> None:
    pickled_node()
    assert list_notes(load_checked("nodes.yaml")) == {}
    own = b"\x80\x04cmy_features\nscale\ncsklearn.linear_model\nRidge\n0."
    Path("model.pkl").write_bytes(own)
    Path("nodes.yaml").write_text(Path("nodes.yaml").read_text() + '    python: "3.13"\n')
    assert list_notes(load_checked("nodes.yaml")) == {
        "alpha": "model.pkl uses my_features, which neither Numerai's packages nor `packages` seem to contain."
    }
    Path("nodes.yaml").write_text(Path("nodes.yaml").read_text() + "    packages: [My.Features>=1]\n")
    assert list_notes(load_checked("nodes.yaml")) == {}


LIVE = pd.DataFrame({"feature_a": [1, 2, 3]}, index=pd.Index(["n1", "n2", "n3"], name="id"))


def predicted(values: list[float], index: Any = LIVE.index) -> pd.DataFrame:
    return pd.DataFrame({"anything": values}, index=index)


def test_the_submission_has_ids_and_predictions() -> None:
    rows = run.check(predicted([0.0, 0.5, 1.0]), LIVE)
    assert rows.to_dict("list") == {"id": ["n1", "n2", "n3"], "prediction": [0.0, 0.5, 1.0]}


@pytest.mark.parametrize(
    ("predictions", "sentence"),
    [
        (None, "returned NoneType; expected a DataFrame."),
        (pd.Series([0.5, 0.5, 0.5], LIVE.index), "returned Series; expected a DataFrame."),
        (predicted([], []), "returned no predictions."),
        (predicted([0.5, np.nan, 0.5]), "1 of 3 predictions are missing (NaN)."),
        (predicted([0.5, 1.1, 0.5]), "must be from 0 to 1, but they are from 0.5 to 1.1."),
        (predicted([0.5, 0.5], ["n1", "n2"]), "of 3 ids, 1 are missing, and 0 of 2 rows have another id."),
        (predicted([0.5, 0.5, 0.5], [0, 1, 2]), "of 3 ids, 3 are missing, and 3 of 3 rows have another id."),
        (predicted([0.1, 0.2, 0.3, 0.4], ["n1", "n2", "n3", "n3"]), "is not that of the live features"),
    ],
)
def test_what_numerai_refuses_is_not_submitted(predictions: Any, sentence: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        run.check(predictions, LIVE)
    assert sentence in str(stopped.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x80\x04cmy_features\nscale\n.", "the pickle needs the module my_features: add its package"),
        (b"\x80\x04cos\nno_such_name\n.", "the pickle cannot be loaded with Python 3."),
        (b"\x80\x04K\x05.", "the pickle holds int; expected a function"),
        (b"\x80\x04cshutil\nmove\n.", "has 3 parameters; expected predict(live_features)"),
    ],
)
def test_other_pickles_say_why_they_cannot_run(monkeypatch: pytest.MonkeyPatch, content: bytes, sentence: str) -> None:
    monkeypatch.setattr(run, "MODEL_FILE", Path("model.pkl"))
    Path("model.pkl").write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        run.load()
    assert sentence in str(stopped.value)


def test_without_a_key_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"MODEL_ID": "m", "NUMERAI_PUBLIC_ID": "p"})
    with pytest.raises(SystemExit, match="NUMERAI_SECRET_KEY is not set"):
        run.main()
