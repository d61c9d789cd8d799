"""What a pickle says about its origin, found without loading it."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodefile.pickles import NEWER, PYTHONS, NotAPickle, _find_versions, find_python, read_origin
from tests.nodefile.pickled import VERSIONS, write


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["predict", "ranked", "benchmarked", "bound"])
def test_the_bytecode_tells_the_python_version(tmp_path: Path, version: str, name: str) -> None:
    path = write(tmp_path / "model.pkl", version, name)
    assert find_python(path) == (version,)
    origin = read_origin(path)
    assert origin.python == version
    assert origin.packages == ["cloudpickle"]
    assert str(origin) == f"created with Python {version}; it uses no packages"


def test_the_pickles_are_of_every_version_that_numerai_runs() -> None:
    assert tuple(VERSIONS) == PYTHONS


def test_python_3_11_and_3_12_compile_trivial_functions_alike(tmp_path: Path) -> None:
    for version in ("3.11", "3.12"):
        assert find_python(write(tmp_path / "model.pkl", version, "identity")) == ("3.11", "3.12")
        assert read_origin(tmp_path / "model.pkl").python is None


def test_modules_that_a_function_imports_later_are_among_the_words(tmp_path: Path) -> None:
    assert "lightgbm" in read_origin(write(tmp_path / "model.pkl", "3.12")).words


def test_an_object_of_a_library_names_its_modules_but_no_version(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "model.pkl"
    for protocol in range(2, 6):
        path.write_bytes(pickle.dumps({"weights": np.ones(3), "_sklearn_version": "1.6.1"}, protocol))
        origin = read_origin(path)
        assert origin.pythons == PYTHONS
        assert {"numpy"} <= origin.modules
        assert dict(origin.versions) == {"numpy": "2", "sklearn": "1.6.1"}
    assert str(origin) == "created with a Python that it does not name; it uses numpy 2"


def test_nothing_in_a_pickle_is_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "executed"),)

    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Trap()))
    assert read_origin(tmp_path / "model.pkl").modules == {os.mkdir.__module__}
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"", "not a pickle"),
        (pickle.dumps(list(range(99)))[:-1], "incomplete"),
        (b"\x80\x05\xff.", "damaged"),
    ],
)
def test_other_files_are_refused_with_a_reason(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "model.pkl").write_bytes(content)
    for read in (read_origin, find_python):
        with pytest.raises(NotAPickle, match=sentence):
            read(tmp_path / "model.pkl")


def test_a_python_newer_than_numerais_is_named() -> None:
    assert _find_versions(bytes([128, 0, 82, 0])) == (NEWER,)


def test_this_pythons_own_functions_are_found() -> None:
    own = f"3.{sys.version_info.minor}" if sys.version_info < (3, 14) else NEWER
    for function in (read_origin, find_python, _find_versions, write, os.walk, Path.read_text):
        assert own in _find_versions(function.__code__.co_code)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pkl"
    path.write_bytes(b"\x80\x04" + content)
    with contextlib.suppress(NotAPickle):
        read_origin(path)


@pytest.mark.skipif("PNODES_OTHER_PICKLES" not in os.environ, reason="a folder of pickles by others")
def test_pickles_by_others_tell_their_version() -> None:
    paths = sorted(Path(os.environ["PNODES_OTHER_PICKLES"]).rglob("*.pkl"))
    assert paths
    for path in paths:
        origin = read_origin(path)
        assert origin.python in PYTHONS, path
        assert {"cloudpickle", "pandas"} <= origin.modules, path
