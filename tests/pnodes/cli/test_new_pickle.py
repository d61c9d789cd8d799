"""`pnodes new --pickle`: adds a node whose source is a pickle to nodes.yaml, or writes nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from nodefile import load
from tests.nodefile.pickled import write

Pnodes = Callable[..., Result]
NODES = "defaults: {cloud: gcp, source: alpha}\nnodes:\n  alpha: {model: first}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (tmp_path / "alpha").mkdir()
    (tmp_path / "alpha" / "Dockerfile").write_text("FROM python:3.12-slim\n")
    (tmp_path / "nodes.yaml").write_text(NODES)
    (tmp_path / "models").mkdir()
    write(tmp_path / "models" / "model.pkl", "3.12")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(done: Result) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_a_node_from_a_pickle(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes("new", "beta", "--pickle", "models/model.pkl", "--model", "second")
    assert done.exit_code == 0, said(done)
    block = "\n  beta:\n    model: second\n    tournament: classic\n    pickle: models/model.pkl\n"
    assert (folder / "nodes.yaml").read_text() == NODES + block
    assert "Added the node beta to nodes.yaml. model.pkl was created with Python 3.12" in said(done)
    assert "pnodes run beta # run the model on this machine; submit nothing pnodes validate #" in said(done)
    assert not (folder / ".pnodes").exists()
    assert pnodes("validate").exit_code == 0


def test_what_is_asked_for_is_written(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes(
        "new", "beta", "--pickle", "models/model.pkl", "--model", "second", "--python", "3.12-slim", "--cloud", "aws",
        "--region", "eu-west-1", "--size", "mem-sm",
    )  # fmt: skip
    assert done.exit_code == 0, said(done)
    node = load(folder / "nodes.yaml").nodes[1]
    assert (node.python, node.cloud, node.region, node.size.preset) == ("3.12-slim", "aws", "eu-west-1", "mem-sm")


def test_modules_that_no_package_has_are_named(pnodes: Pnodes, folder: Path) -> None:
    (folder / "models" / "own.pkl").write_bytes(b"\x80\x04cmy_features\nscale\n.")
    done = pnodes("new", "beta", "--pickle", "models/own.pkl", "--model", "second", "--python", "3.13")
    assert done.exit_code == 0, said(done)
    assert "own.pkl uses my_features, which neither Numerai's packages nor `packages` seem to contain." in said(done)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--pickle", "modle.pkl"), "--pickle: there is no file"),
        (("--pickle", "models/model.pkl", "--python", "3"), '--python: expected "3.10" to "3.13"'),
        (("--pickle", "models/model.pkl", "--python", "3.11"), "created with Python 3.12, and 3.11 cannot load"),
        (("--pickle", "models/other.pkl"), 'Write the version, such as python: "3.12".'),
        (("--pickle", "models/model.pkl", "--folder", "x"), "--folder is for a copy of an example"),
        (("--pickle", "models/model.pkl", "--cloud", "ibm"), "--cloud: expected aws, gcp or azure"),
        (("--pickle", "models/model.pkl", "--model", "b"), "2 --model options, but model.pkl creates 1 node"),
        (("--python", "3.12"), "--python requires --pickle."),
    ],
)
def test_on_a_mistake_nothing_is_written(
    pnodes: Pnodes, folder: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    write(folder / "models" / "other.pkl", "3.11", "identity")
    done = pnodes("new", "beta", "--model", "second", *arguments)
    assert done.exit_code == 2, said(done)
    assert sentence in said(done)
    assert (folder / "nodes.yaml").read_text() == NODES


def test_a_name_that_is_taken_is_refused(pnodes: Pnodes) -> None:
    done = pnodes("new", "alpha", "--pickle", "models/model.pkl", "--model", "second")
    assert done.exit_code == 2
    assert 'nodes.yaml already has a node "alpha"' in said(done)
