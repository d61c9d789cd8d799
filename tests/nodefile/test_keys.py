"""One declaration is enough for a key of nodes.yaml: a key added to a copy of nodefile/node.py works everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nodefile.node import FIELDS, KEYS, REQUIRED, Node

ROOT = Path(__file__).resolve().parents[2]
END = "\n    @property\n    def dockerfile("
DECLARATIONS = """
    retries: Annotated[
        int,
        WithJsonSchema(fields.TEXT),
        Key(
            about="How often a failed job is started again.",
            read=lambda value: int(fields.read_text(value)),
            value="a number in quotes",
            example='retries: "4"',
            more="Each start counts as a run.",
            show=lambda retries: f"{retries} times",
        ),
    ] = 3
    labels: Annotated[
        dict[str, str],
        Key(
            about="Labels for the model.",
            read=texts.read_env,
            value="names and texts",
            example="labels: {A: b}",
            inherit=Inherit.MERGE,
            names_only=True,
        ),
    ] = {}
"""
NODES = """\
defaults: {cloud: aws, source: model, labels: {A: all, B: all}, retries: "5"}
nodes:
  one: {model: a}
  two: {model: b, retries: "6", labels: {B: mine, C: mine}}
"""
PLAIN = """\
nodes:
  one: {model: a, cloud: aws, source: model}
  two: {model: b, cloud: aws, source: model, retris: "6", retries: many}
"""
REPORT = """
import json, sys
from pathlib import Path
from docs.generate import nodes_yaml
from nodefile import parse, schema
from nodefile.settings import dump_settings, load_node
from pnodes.plan.preview import Plan
from pnodes.plan.summary import summarise

folder = Path(sys.argv[1])
node_file, problems = parse(folder / "nodes.yaml")
plain, mistakes = parse(folder / "plain.yaml")
new = dump_settings(node_file)
old = {name: {key: value for key, value in node.items() if key not in ("retries", "labels")}
       for name, node in new.items()}
changes = summarise(Plan(frozenset(), frozenset(), {}), old, new, 10).nodes
print(json.dumps({
    "nodes": {node.name: [node.retries, node.labels] for node in node_file.nodes},
    "defaults": [plain.nodes[0].retries, plain.nodes[0].labels],
    "problems": [str(problem) for problem in [*problems, *mistakes]],
    "schema": schema.build_schema()["$defs"]["Entry"]["properties"],
    "settings": new,
    "loaded": load_node("two", new["two"]) == node_file.nodes[1].model_copy(
        update={"source": Path("model"), "context": Path("model")}),
    "page": nodes_yaml.page(),
    "diff": {change.node: change.details for change in changes},
}))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run a copy of the project with two new keys, and return what it does with them."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("nodefile", "providers", "trigger", "pnodes", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    declarations = copy / "nodefile" / "node.py"
    text = declarations.read_text(encoding="utf-8")
    assert text.count(END) == 1
    declarations.write_text(text.replace(END, DECLARATIONS + END), encoding="utf-8")
    (copy / "model").mkdir()
    (copy / "model" / "Dockerfile").write_text("FROM scratch\n")
    (copy / "nodes.yaml").write_text(NODES)
    (copy / "plain.yaml").write_text(PLAIN)
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, "-c", REPORT, str(copy)], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_parser_reads_it_and_a_node_inherits_it(report: dict[str, Any]) -> None:
    assert report["nodes"] == {
        "one": [5, {"A": "all", "B": "all"}],
        "two": [6, {"A": "all", "B": "mine", "C": "mine"}],
    }


def test_a_node_without_it_has_the_default(report: dict[str, Any]) -> None:
    assert report["defaults"] == [3, {}]


def test_a_wrong_value_and_a_misspelt_key_are_reported(report: dict[str, Any]) -> None:
    wrong, near = sorted(report["problems"], reverse=True)
    assert wrong.startswith("plain.yaml:3:68: retries: "), wrong
    assert near == 'plain.yaml:3:46: "retris" is not a key of a node. Did you mean "retries"?'


def test_the_schema_has_it(report: dict[str, Any]) -> None:
    assert report["schema"]["retries"] == {
        "anyOf": [{"type": "string"}, {"type": "null"}],
        "default": None,
        "description": "How often a failed job is started again.",
        "title": "Retries",
    }
    assert {"type": "object", "additionalProperties": {"type": "string"}} in report["schema"]["labels"]["anyOf"]


def test_the_settings_of_the_stack_include_it(report: dict[str, Any]) -> None:
    assert report["settings"]["one"]["retries"] == 5
    assert report["settings"]["two"]["labels"] == {"A": "all", "B": "mine", "C": "mine"}
    assert report["loaded"]


def test_the_diff_from_a_stack_without_the_key_shows_it(report: dict[str, Any]) -> None:
    assert report["diff"] == {
        "one": ["labels: +A, +B", "retries: 3 times -> 5 times"],
        "two": ["labels: +A, +B, +C", "retries: 3 times -> 6 times"],
    }


def test_the_docs_have_a_section_about_it(report: dict[str, Any]) -> None:
    page = report["page"]
    assert "| [`retries`](#retries) | How often a failed job is started again. | `3 times` |" in page
    assert "the entries of\n`env`, `secrets`, `tags` and `labels` are merged" in page
    section = page[page.index("## retries") : page.index("## labels")]
    assert section == (
        "## retries\n\nHow often a failed job is started again.\n\n- Value: a number in quotes\n- Default: `3 times`\n"
        '- Clouds: all three\n\n```yaml\nretries: "4"\n```\n\nEach start counts as a run.\n\n'
    )


def test_every_field_is_a_documented_key() -> None:
    assert {"name", *FIELDS.values()} == Node.model_fields.keys()
    assert KEYS.keys() == FIELDS.keys()
    assert all(key.about and key.value and key.example for key in KEYS.values())
    assert REQUIRED == ["model", "cloud", "source"]
