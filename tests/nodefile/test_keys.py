"""A key of nodes.yaml is one declaration: a key that is added to a copy of nodefile/node.py works everywhere."""

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
            read=lambda value: int(fields.text(value)),
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
            read=fields.env,
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
from nodefile.settings import restored, settings
from pnodes.plan.preview import Plan
from pnodes.plan.summary import summarise

folder = Path(sys.argv[1])
found, problems = parse(folder / "nodes.yaml")
plain, mistakes = parse(folder / "plain.yaml")
new = settings(found)
old = {name: {key: value for key, value in node.items() if key not in ("retries", "labels")}
       for name, node in new.items()}
changes = summarise(Plan(old, frozenset(), frozenset(), {}), new, 10).nodes
print(json.dumps({
    "nodes": {node.name: [node.retries, node.labels] for node in found.nodes},
    "defaults": [plain.nodes[0].retries, plain.nodes[0].labels],
    "problems": [str(each) for each in [*problems, *mistakes]],
    "schema": schema.schema()["$defs"]["Entry"]["properties"],
    "settings": new,
    "restored": restored("two", new["two"]) == found.nodes[1].model_copy(
        update={"source": Path("model"), "context": Path("model")}),
    "page": nodes_yaml.page(),
    "diff": {change.node: change.details for change in changes},
}))
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a copy of the project says about its two new keys."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("nodefile", "providers", "trigger", "pnodes", "docs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    declared = copy / "nodefile" / "node.py"
    text = declared.read_text(encoding="utf-8")
    assert text.count(END) == 1
    declared.write_text(text.replace(END, DECLARATIONS + END), encoding="utf-8")
    (copy / "model").mkdir()
    (copy / "model" / "Dockerfile").write_text("FROM scratch\n")
    (copy / "nodes.yaml").write_text(NODES)
    (copy / "plain.yaml").write_text(PLAIN)
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        [sys.executable, "-c", REPORT, str(copy)], cwd=copy, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_parser_reads_it_and_a_node_inherits_it(report: dict[str, Any]) -> None:
    assert report["nodes"] == {
        "one": [5, {"A": "all", "B": "all"}],
        "two": [6, {"A": "all", "B": "mine", "C": "mine"}],
    }


def test_a_node_without_it_has_the_default(report: dict[str, Any]) -> None:
    assert report["defaults"] == [3, {}]


def test_a_wrong_value_and_a_near_miss_have_their_place(report: dict[str, Any]) -> None:
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


def test_the_settings_of_the_stack_have_it(report: dict[str, Any]) -> None:
    assert report["settings"]["one"]["retries"] == 5
    assert report["settings"]["two"]["labels"] == {"A": "all", "B": "mine", "C": "mine"}
    assert report["restored"]


def test_a_difference_from_a_stack_that_had_no_such_key_is_shown(report: dict[str, Any]) -> None:
    assert report["diff"] == {
        "one": ["labels: +A, +B", "retries: 3 times -> 5 times"],
        "two": ["labels: +A, +B, +C", "retries: 3 times -> 6 times"],
    }


def test_the_docs_have_a_section_about_it(report: dict[str, Any]) -> None:
    page = report["page"]
    assert "| [`retries`](#retries) | How often a failed job is started again. | `3 times` |" in page
    assert "`env`, `tags` and `labels` of both are put together" in page
    section = page[page.index("## retries") : page.index("## labels")]
    assert section == (
        "## retries\n\nHow often a failed job is started again.\n\n- Value: a number in quotes\n- Default: `3 times`\n"
        '- Clouds: all three, alike\n\n```yaml\nretries: "4"\n```\n\nEach start counts as a run.\n\n'
    )


def test_every_field_is_a_key_that_is_explained() -> None:
    assert {"name", *FIELDS.values()} == Node.model_fields.keys()
    assert KEYS.keys() == FIELDS.keys()
    assert all(key.about and key.value and key.example for key in KEYS.values())
    assert REQUIRED == ["model", "cloud", "source"]
