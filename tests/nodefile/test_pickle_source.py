"""Nodes whose source is a pickle: what they resolve to, and the message for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import Node, NodeFileError, load
from nodefile.settings import dump_settings, load_node
from tests.nodefile.pickled import write


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("m", "models"):
        (tmp_path / name).mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM scratch\n")
    write(tmp_path / "models" / "model.pkl", "3.12")
    write(tmp_path / "models" / "other.pkl", "3.11", "identity")
    (tmp_path / "models" / "library.pkl").write_bytes(b"\x80\x04N.")
    (tmp_path / "models" / "new.pkl").write_bytes(b"\x80\x04" + b"K\0" * 6 + b"C\x02\x80\x00.")


def read(entry: str, defaults: str = "{cloud: aws}") -> Node:
    Path("nodes.yaml").write_text(f"defaults: {defaults}\nnodes:\n  alpha: {{model: a, {entry}}}\n")
    return load("nodes.yaml").nodes[0]


def test_a_pickle_needs_no_other_key(tmp_path: Path) -> None:
    node = read("pickle: models/model.pkl")
    assert node.pickle == tmp_path / "models" / "model.pkl"
    assert (node.python, node.packages) == ("3.12", ())
    assert node.source == node.context == tmp_path / ".pnodes" / "contexts" / "alpha"
    assert not (tmp_path / ".pnodes").exists(), "reading nodes.yaml writes nothing"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.12-slim"])
def test_the_version_is_written_where_the_pickle_does_not_tell(python: str) -> None:
    assert read(f'pickle: models/other.pkl, python: "{python}"').python == python


def test_the_settings_keep_the_pickle_relative() -> None:
    node = read('pickle: models/model.pkl, python: "3.12-slim", packages: [lightgbm==4.6.0]')
    settings = dump_settings(load("nodes.yaml"))["alpha"]
    assert settings["pickle"] == "models/model.pkl"
    assert settings["source"] == ".pnodes/contexts/alpha"
    assert load_node("alpha", settings).packages == node.packages == ("lightgbm==4.6.0",)


def test_a_nodes_own_source_or_pickle_replaces_that_of_the_defaults() -> None:
    pickled = '{cloud: aws, pickle: models/model.pkl, python: "3.12", packages: [scipy]}'
    assert read("source: m", pickled).model_dump(include={"pickle", "python", "packages"}) == {
        "pickle": None,
        "python": None,
        "packages": (),
    }
    assert read("pickle: models/model.pkl", "{cloud: aws, source: m, context: .}").packages == ()
    assert read("enabled: true", pickled).packages == ("scipy",)


@pytest.mark.parametrize(
    "package", ["scipy", "lightgbm==4.6.0", "numpy>=2,<3", "xgboost[sklearn] ~= 3.0", "a.b_c!=1.*", "torch==2.7.1+cpu"]
)
def test_packages_are_written_as_for_pip(package: str) -> None:
    assert read(f'pickle: models/model.pkl, packages: ["{package}"]').packages == (package,)


CREATED = "models/model.pkl was created with Python 3.12, and 3.13 cannot load its bytecode."


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("pickle: models/model.pkl, source: m", "source: a node has either `pickle` or `source`; remove `source`"),
        ("pickle: models/model.pkl, context: m", "context: a node has either `pickle` or `source`; remove `context`"),
        ("source: m, python: '3.12'", "python: only a node with `pickle` has it"),
        ("source: m, packages: [scipy]", "packages: only a node with `pickle` has it"),
        ("pickle: models/modle.pkl", 'pickle: models/modle.pkl does not exist. Did you mean "model.pkl"?'),
        ("pickle: models", "pickle: models is not a file."),
        ("pickle: m/Dockerfile", "pickle: m/Dockerfile cannot be used: it is not a pickle, or is compressed."),
        ("pickle: models/other.pkl", "python: models/other.pkl does not tell whether 3.11 or 3.12 created it."),
        ("pickle: models/library.pkl", "python: models/library.pkl does not tell whether 3.10, 3.11, 3.12 or 3.13"),
        ("pickle: models/new.pkl", "pickle: models/new.pkl was created with Python 3.14 or newer, but Numerai's"),
        ("pickle: models/model.pkl, python: '3.13'", f'python: {CREATED} Write python: "3.12".'),
        ("pickle: models/model.pkl, python: 3.13-slim", f'python: {CREATED} Write python: "3.12-slim".'),
        ("pickle: models/model.pkl, python: 3.10", 'python: expected a string, got 3.10. Quote it: "3.10".'),
        (
            "pickle: models/model.pkl, python: '3.9'",
            'python: expected "3.10" to "3.13", or one of them with -slim, got',
        ),
        ("pickle: models/model.pkl, packages: scipy", "packages: expected a list of packages, such as"),
        ("pickle: models/model.pkl, packages: [-r x]", "packages.0: '-r x' is not a package of PyPI"),
        ("pickle: models/model.pkl, packages: ['x @ https://x/y']", "is not a package of PyPI"),
        ("pickle: models/model.pkl, tournament: signals", "tournament: Numerai accepts pickles for classic only"),
    ],
)
def test_a_mistake_is_reported_with_its_remedy(entry: str, message: str) -> None:
    with pytest.raises(NodeFileError) as caught:
        read(entry)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.line == 3
