"""`pnodes new`: copies an example and adds its node to nodes.yaml, or writes nothing at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nodefile import NodeFile, load
from pnodes.cli import new
from pnodes.cli.main import app
from pnodes.edit import examples, nodes_write
from pnodes.engine.paths import ROOT

Pnodes = Callable[..., Result]
NODES = """\
# mine
defaults: {size: gen-sm}   # for all

nodes:
  alpha:
    model: 'first'   # in quotes
    cloud: gcp
    source: alpha
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one node, as working directory."""
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (tmp_path / "alpha").mkdir()
    (tmp_path / "alpha" / "Dockerfile").write_text("FROM python:3.12-slim\n")
    (tmp_path / "nodes.yaml").write_text(NODES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else "" for path in sorted(folder.rglob("*"))
    }


def said(done: Result) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_a_node_from_an_example(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes("new", "beta", "--model", "second")
    assert done.exit_code == 0, said(done)
    block = "\n  beta:\n    model: second\n    tournament: classic\n    cloud: aws\n    source: beta\n"
    assert (folder / "nodes.yaml").read_text() == NODES + block
    for path in ("Dockerfile", ".dockerignore", "predict.py", "train.py", "model.py", "requirements.txt", "README.md"):
        copied, original = (root / path for root in (folder / "beta", ROOT / "examples" / "tournament-python"))
        assert copied.read_text() == original.read_text()
    assert [node.name for node in load(folder / "nodes.yaml").nodes] == ["alpha", "beta"]
    result = pnodes("validate")
    assert result.exit_code == 0, result.output
    steps = ('pnodes run beta --command "python train.py" ', "pnodes run beta ", "pnodes validate ", "pulumi preview ")
    places = [done.stdout.index(f"  {step}") for step in steps]
    assert places == sorted(places)


def test_how_an_example_is_trained_is_said(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes("new", "beta", "--model", "second", "--example", "tournament-r")
    assert done.exit_code == 0, said(done)
    assert 'pnodes run beta --container --command "Rscript train.R"' in done.stdout


def test_what_is_asked_for_is_written(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes(
        "new", "beta", "--example", "signals-python", "--model", "no", "--cloud", "azure", "--region", "westeurope",
        "--size", "gen-md", "--folder", "models/of mine/beta",
    )  # fmt: skip
    assert done.exit_code == 0, said(done)
    (node,) = (node for node in load(folder / "nodes.yaml").nodes if node.name == "beta")
    assert (node.model, node.cloud, node.region, node.size.preset) == ("no", "azure", "westeurope", "gen-md")
    assert (node.tournament, node.source) == ("signals", folder / "models" / "of mine" / "beta")


def test_the_file_decides_where_paths_begin(pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "alpha")
    done = pnodes("new", "beta", "--model", "b")
    assert done.exit_code == 0, done.output
    done = pnodes("new", "gamma", "--model", "c", "--folder", "gamma")
    assert done.exit_code == 0, done.output
    sources = {node.name: node.source for node in load(folder / "nodes.yaml").nodes}
    assert sources["beta"] == folder / "beta"
    assert sources["gamma"] == folder / "alpha" / "gamma"


def test_the_defaults_of_the_file_count(pnodes: Pnodes, folder: Path) -> None:
    (folder / "nodes.yaml").write_text("defaults: {cloud: azure, context: .}\n")
    done = pnodes("new", "beta", "--model", "b")
    assert done.exit_code == 0, done.output
    (node,) = load(folder / "nodes.yaml").nodes
    assert (node.cloud, node.context) == ("azure", folder / "beta")
    assert "cloud: aws" not in (folder / "nodes.yaml").read_text()


def test_a_shared_package_makes_two_nodes_with_one_context(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes("new", "duo", "--example", "shared-package", "--model", "one", "--model", "two")
    assert done.exit_code == 0, said(done)
    first, second = load(folder / "nodes.yaml").nodes[1:]
    assert (first.name, second.name, first.model, second.model) == ("duo-1", "duo-2", "one", "two")
    assert first.context == second.context == folder / "duo"
    assert (first.source.name, second.source.name) == ("model_1", "model_2")
    assert (folder / "duo" / "common" / "pyproject.toml").is_file()
    assert (folder / "duo" / "model_1" / "Dockerfile.dockerignore").is_file()
    readme = (folder / "duo" / "README.md").read_text()
    assert "source: duo/model_1" in readme
    assert "examples/" not in readme


def test_without_a_file_one_is_made(pnodes: Pnodes, folder: Path) -> None:
    (folder / "nodes.yaml").unlink()
    shutil.copy(ROOT / "nodes.schema.json", folder)
    done = pnodes("new", "beta", "--model", "b")
    assert done.exit_code == 0, done.output
    text = (folder / "nodes.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=nodes.schema.json\n")
    assert text.endswith("nodes:\n  beta:\n    model: b\n    tournament: classic\n    cloud: aws\n    source: beta\n")
    done = pnodes("validate")
    assert done.exit_code == 0, done.output
    assert (folder / "nodes.yaml").stat().st_mode & 0o777 == 0o644


def test_an_empty_folder_and_a_link_to_the_file_are_used(pnodes: Pnodes, folder: Path) -> None:
    (folder / "beta").mkdir()
    (folder / "nodes.yaml").rename(folder / "real.yaml")
    (folder / "nodes.yaml").symlink_to("real.yaml")
    done = pnodes("new", "beta", "--model", "b")
    assert done.exit_code == 0, done.output
    assert (folder / "nodes.yaml").is_symlink()
    assert "beta:" in (folder / "real.yaml").read_text()


def test_what_training_left_behind_is_not_copied(pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = folder / "examples" / "tournament-python"
    shutil.copytree(ROOT / "examples" / "tournament-python", example)
    for path in ("model.joblib", "data/v5.3/train.parquet", ".venv/pyvenv.cfg", "__pycache__/model.pyc", ".env"):
        (example / path).parent.mkdir(parents=True, exist_ok=True)
        (example / path).write_text("x")
    done = pnodes("new", "beta", "--model", "b")
    assert done.exit_code == 0, done.output
    wanted = {".dockerignore", ".gitignore", "Dockerfile", "README.md", "model.py", "predict.py", "requirements.txt"}
    assert {path.name for path in (folder / "beta").iterdir()} == {*wanted, "train.py"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give the new node a name"),
        (["beta"], "Give --model"),
        (["duo", "--example", "shared-package", "--model", "a"], "Give --model 2 times, for duo-1 and duo-2"),
        (["beta", "--model", "a", "--model", "b"], "There are 2 --model options"),
        (["alpha", "--model", "b"], 'already has a node "alpha"'),
        (["Beta", "--model", "b"], '"Beta" is not a valid node name on all clouds'),
        (["../beta", "--model", "b"], "is not a valid node name on all clouds"),
        (["b" * 21, "--model", "b"], "has 21 characters; a node name has 2 to 20"),
        (["b" * 19, "--model", "b", "--example", "shared-package"], '-1" has 21 characters'),
        (
            ["beta", "--model", "b", "--example", "tournament-pyton"],
            'Did you mean "tournament-python"? Choose one of: ',
        ),
        (["beta", "--model", "b", "--example", "../examples/crypto-python"], "There is no example"),
        (["beta", "--model", "b", "--cloud", "gpc"], "expected aws, gcp or azure, got 'gpc'. Did you mean \"gcp\"?"),
        (["beta", "--model", "b", "--size", "gen-huge"], "--size: "),
        (["beta", "--model", "b", "--region", "mars"], "the new node: region: "),
        (["beta", "--model", "5f0c8a31-6c1e"], "--model: '5f0c8a31-6c1e' looks like a UUID"),
        (["beta", "--model", ""], "--model: expected a string, got an empty one"),
        (["beta", "--model", "first"], "the new node: model: node alpha already runs this model"),
        (["beta", "--model", "b", "--folder", "alpha"], "alpha is not empty"),
        (["beta", "--model", "b", "--folder", "nodes.yaml"], "exists but is not a folder"),
        (["beta", "--model", "b", "--folder", "alpha/Dockerfile/beta"], "Dockerfile exists but is not a folder"),
        (["beta", "--model", "b", "--file", "nowhere/nodes.yaml"], "nowhere for nodes.yaml does not exist"),
        (["beta", "--model", "b", "--file", "alpha"], "cannot be read"),
        (["beta", "--json"], "--json requires --list"),
    ],
)
def test_a_mistake_is_a_sentence_and_nothing_is_written(
    pnodes: Pnodes, folder: Path, arguments: list[str], sentence: str
) -> None:
    before = tree(folder)
    done = pnodes("new", *arguments)
    assert done.exit_code == 2, said(done)
    assert sentence in said(done)
    assert tree(folder) == before


@pytest.mark.parametrize(
    "text",
    [
        NODES.replace("cloud: gcp", "cloud: moon"),
        NODES + "    colour: red\n",
        "nodes:\n\talpha:\n",
        "- a list\n",
        NODES + "other: 1\n",
    ],
)
def test_a_file_with_problems_is_shown_as_validate_shows_it(pnodes: Pnodes, folder: Path, text: str) -> None:
    (folder / "nodes.yaml").write_text(text)
    before = tree(folder)
    done = pnodes("new", "beta", "--model", "b")
    assert done.exit_code == 2, done.output
    assert done.stdout == pnodes("validate").stdout
    assert done.stdout.startswith("nodes.yaml:")
    assert tree(folder) == before


def test_a_problem_elsewhere_names_the_line_that_the_person_sees(pnodes: Pnodes, folder: Path) -> None:
    (folder / "nodes.yaml").write_text("nodes:\ndefaults:\n  cloud: moon\n")
    before = tree(folder)
    done = pnodes("new", "beta", "--model", "b", "--cloud", "aws")
    assert done.exit_code == 2, done.output
    assert "nodes.yaml:3:10: cloud: " in done.stdout
    assert tree(folder) == before


def test_a_person_is_asked_for_the_models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "_is_interactive", lambda: True)
    arguments = ["new", "duo", "--example", "shared-package", "--model", "one"]
    done = CliRunner().invoke(app, arguments, input="two\n")
    assert done.exit_code == 0, said(done)
    assert "model at Numerai" in done.stdout
    assert [node.model for node in load(folder / "nodes.yaml").nodes] == ["first", "one", "two"]


def test_who_does_not_answer_gets_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "_is_interactive", lambda: True)
    before = tree(folder)
    done = CliRunner().invoke(app, ["new", "beta"], input="")
    assert done.exit_code == 1, done.output
    assert tree(folder) == before


def test_a_file_that_changes_meanwhile_is_left_alone(
    pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(*_: object) -> NodeFile:
        (folder / "nodes.yaml").write_text(NODES + "# edited\n")
        return found

    found = load(folder / "nodes.yaml")
    monkeypatch.setattr(nodes_write, "load_checked", edit)
    done = pnodes("new", "beta", "--model", "b")
    assert done.exit_code == 1, done.output
    assert "changed in the meantime" in said(done)
    assert (folder / "nodes.yaml").read_text() == NODES + "# edited\n"
    assert sorted(path.name for path in folder.iterdir()) == ["Pulumi.yaml", "alpha", "nodes.yaml"]


def test_a_copy_that_fails_leaves_nothing_behind(pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_example: object, target: Path, _written: str) -> None:
        (target / "half").mkdir(parents=True)
        raise OSError(28, "No space left on device", str(target / "half" / "file"))

    monkeypatch.setattr(examples, "copy", full)
    before = tree(folder)
    done = pnodes("new", "beta", "--model", "b", "--folder", "models/mine/beta")
    assert done.exit_code == 1, done.output
    assert "half/file cannot be written: No space left on device." in said(done)
    assert tree(folder) == before


@pytest.mark.parametrize("given", ["", "models/beta"])
def test_an_interruption_leaves_nothing_behind(
    pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nodes_write, "load_checked", interrupted)
    monkeypatch.setattr(nodes_write, "read", lambda file: (NODES.encode(), {"nodes": {}}))
    (folder / "beta").mkdir()
    before = tree(folder)
    pnodes("new", "beta", "--model", "b", *(["--folder", given] if given else []))
    assert tree(folder) == before


def test_the_list(pnodes: Pnodes) -> None:
    lines = pnodes("new", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [example.name for example in examples.EXAMPLES]
    found = json.loads(pnodes("new", "--list", "--json").stdout)["examples"]
    assert [each["name"] for each in found] == [example.name for example in examples.EXAMPLES]
    assert {each["name"]: each["nodes"] for each in found}["shared-package"] == 2


def test_the_list_is_that_of_the_folder() -> None:
    folders = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()}
    assert {example.name for example in examples.EXAMPLES} == folders - {"tournament-pickle"}  # made with --pickle


@pytest.mark.parametrize("example", examples.EXAMPLES, ids=lambda example: example.name)
def test_each_example_becomes_nodes_that_are_right(pnodes: Pnodes, folder: Path, example: examples.Example) -> None:
    models = [word for number in range(example.count) for word in ("--model", f"m{number}")]
    for cloud in ("aws", "gcp", "azure"):
        done = pnodes("new", f"on-{cloud}", "--example", example.name, "--cloud", cloud, "--size", "gen-md", *models)
        assert done.exit_code == 0, said(done)
        models = [f"{word}-{cloud}" if word != "--model" else word for word in models]
    result = pnodes("validate")
    assert result.exit_code == 0, result.output
    kinds = {node.tournament for node in load(folder / "nodes.yaml").nodes if node.name != "alpha"}
    assert kinds == {example.tournament}
