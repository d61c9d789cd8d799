"""`stacks` assigns each node to one stack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nodefile import NodeFileError, load

NODES = """\
nodes:
  alpha: {model: a, cloud: aws, source: m}
  beta: {model: b, cloud: gcp, source: m}
  gamma: {model: c, cloud: gcp, region: europe-west1, source: m}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM scratch\n")

    def write_file(stacks: str) -> Path:
        path = tmp_path / "nodes.yaml"
        path.write_text(f"{NODES}{stacks}\n")
        return path

    return write_file


def test_without_stacks_every_stack_has_all_nodes(write: Callable[[str], Path]) -> None:
    file = load(write(""))
    assert file.select("any").nodes == file.nodes
    assert (file.stacks, file.owners) == ((), {})


@pytest.mark.parametrize(
    ("stacks", "parts"),
    [
        ("{one: {cloud: aws}, two: {cloud: gcp}}", {"one": ["alpha"], "two": ["beta", "gamma"]}),
        ("{one: {cloud: [aws, gcp]}}", {"one": ["alpha", "beta", "gamma"]}),
        (
            "{one: {cloud: aws}, two: {cloud: gcp}, eu: {region: europe-west1}}",
            {"one": ["alpha"], "two": ["beta"], "eu": ["gamma"]},
        ),
        (
            "{one: {cloud: [aws, gcp]}, eu: {region: europe-west1}, own: {nodes: [gamma, alpha]}}",
            {"one": ["beta"], "eu": [], "own": ["alpha", "gamma"]},
        ),
    ],
)
def test_each_stack_takes_its_part(write: Callable[[str], Path], stacks: str, parts: dict[str, list[str]]) -> None:
    file = load(write(f"stacks: {stacks}"))
    assert {name: [node.name for node in file.select(name).nodes] for name in file.stacks} == parts
    assert file.owners == {node: stack for stack, nodes in parts.items() for node in nodes}


def test_a_stack_that_the_file_does_not_name_is_refused(write: Callable[[str], Path]) -> None:
    file = load(write("stacks: {one: {cloud: aws}, two: {cloud: gcp}}"))
    with pytest.raises(NodeFileError, match=r"^nodes.yaml:5:1: `stacks` has no stack dev; it has one and two.$"):
        file.select("dev")


@pytest.mark.parametrize(
    ("stacks", "problems"),
    [
        (
            "[]",
            ["5:9: stacks: expected a stack's name and under it its part: expected `cloud`, `region` or `nodes` with"],
        ),
        ("{one: {cloud: aws}}", ["3:3: node beta belongs to none of the stacks", "4:3: node gamma belongs to none of"]),
        ("{one: {cloud: awss}}", ['5:23: stacks.one.cloud: "awss" is not a cloud; expected aws, gcp or azure.']),
        ("{one: {cloud: aws, region: x}}", ["5:15: stacks.one: expected `cloud`, `region` or `nodes`"]),
        ("{one: aws}", ["5:15: stacks.one: expected `cloud`, `region` or `nodes`"]),
        ("{one: {cloud: [1]}}", ["5:23: stacks.one.cloud: expected `cloud`, `region` or `nodes`"]),
        (
            "{one: {cloud: [aws, gcp]}, two: {cloud: gcp}}",
            ["5:49: stacks.two.cloud: the stack one has cloud gcp too; a node belongs to one stack."],
        ),
        (
            "{one: {cloud: [aws, gcp]}, two: {nodes: alhpa}}",
            ['5:49: stacks.two.nodes: there is no node "alhpa". Did you mean "alpha"?'],
        ),
        ("{a b: {cloud: [aws, gcp]}}", ['5:15: stacks.a b: "a b" cannot be the name of a stack']),
    ],
)
def test_mistakes_are_reported(write: Callable[[str], Path], stacks: str, problems: list[str]) -> None:
    with pytest.raises(NodeFileError) as caught:
        load(write(f"stacks: {stacks}"))
    assert len(caught.value.problems) == len(problems), caught.value
    for problem, expected in zip(caught.value.problems, problems, strict=True):
        assert str(problem).startswith(f"nodes.yaml:{expected}")
