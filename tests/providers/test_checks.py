"""The file's mistakes and the violations of the clouds' limits are in one list, in the order of the file."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nodefile import Node, NodeFileError
from providers.aws.cloud import CLOUD
from providers.checks import list_notes, load_checked

Check = Callable[[Node, str, str], Iterator[tuple[str, str]]]
ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


def test_mistakes_of_the_file_of_folders_and_of_sizes_come_together(tmp_path: Path) -> None:
    size = "size: {cpu: 2, memory: 900GiB}"
    (tmp_path / "nodes.yaml").write_text(
        f"nodes:\n  alpha: {{model: x, cloud: aws, source: nowhere, {size}}}\n"
        f"  beta: {{cloud: aws, source: nowhere, {size}}}\n  gamma: {{model: y, {size}}}\n"
    )
    with pytest.raises(NodeFileError) as caught:
        load_checked(tmp_path / "nodes.yaml")
    problems = [(problem.line, problem.message.split(": ")[0].split(" is")[0]) for problem in caught.value.problems]
    assert problems == [
        (2, "source"), (2, "size"), (3, "node beta has no `model`."), (3, "source"), (3, "size"),
        (4, "node gamma has no `cloud`."), (4, "node gamma has no `source`."),
    ]  # fmt: skip


def limits_of(*found: tuple[str, str]) -> Check:
    def check(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
        yield from ((field, text.format(node=node.name, project=project, stack=stack)) for field, text in found)

    return check


def replace_check(monkeypatch: pytest.MonkeyPatch, check: Check) -> None:
    """Let AWS report what `check` yields."""
    monkeypatch.setattr("providers.aws.cloud.CLOUD", dataclasses.replace(CLOUD, check=check))


TOO_LARGE = ("size", "{node} of {project}/{stack} is too large.")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM scratch\n")


def test_limits_are_said_beside_the_files_own_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_check(monkeypatch, limits_of(TOO_LARGE))
    Path("nodes.yaml").write_text(
        f"nodes:\n  alpha:\n    model: {ID}\n    cloud: aws\n    source: m\n    size: gen-md\n  beta: {{zzz: 1}}\n"
    )
    with pytest.raises(NodeFileError) as caught:
        load_checked("nodes.yaml", "prediction-nodes", "live")
    assert [str(problem) for problem in caught.value.problems] == [
        "nodes.yaml:6:11: size: alpha of prediction-nodes/live is too large.",
        "nodes.yaml:7:3: node beta has no `model`.",
        "nodes.yaml:7:3: node beta has no `cloud`.",
        "nodes.yaml:7:3: node beta has no `source`.",
        'nodes.yaml:7:10: "zzz" is not a key of a node.',
    ]


def test_a_limit_of_a_shared_default_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_check(monkeypatch, limits_of(("size", "too large.")))
    nodes = f"nodes: {{a1: {{model: {ID}}}, a2: {{model: x}}}}\n"
    Path("nodes.yaml").write_text("defaults: {cloud: aws, source: m, size: gen-md}\n" + nodes)
    with pytest.raises(NodeFileError) as caught:
        load_checked("nodes.yaml")
    assert [str(problem) for problem in caught.value.problems] == ["nodes.yaml:1:41: size: too large."]


def test_only_the_clouds_in_use_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for cloud in ("gcp", "azure"):
        monkeypatch.setitem(sys.modules, f"providers.{cloud}.cloud", None)
    replace_check(monkeypatch, limits_of())
    Path("nodes.yaml").write_text(f"nodes: {{a1: {{model: {ID}, cloud: aws, source: m}}}}\n")
    assert [node.name for node in load_checked("nodes.yaml").nodes] == ["a1"]


def test_nothing_is_said_about_a_value_that_stands_in_for_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(node: Node, project: str, stack: str) -> Iterator[tuple[str, str]]:
        if node.size.memory > 4096:
            yield "size", f"{node.name} is too large."

    replace_check(monkeypatch, check)
    monkeypatch.setitem(sys.modules, "providers.gcp.cloud", None)
    Path("nodes.yaml").write_text(
        "defaults: {cloud: gcp, source: m, size: mem-4xl}\nnodes:\n"
        f"  a1: {{model: {ID}, cloud: aws, size: gen-mdd}}\n"
        "  a2: {model: x, cloud: awz}\n  a3: {model: y, cloud: aws}\n"
    )
    with pytest.raises(NodeFileError) as caught:
        load_checked("nodes.yaml")
    assert [str(problem) for problem in caught.value.problems] == [
        "nodes.yaml:1:41: size: a3 is too large.",
        'nodes.yaml:3:71: size: there is no size "gen-mdd". Did you mean "gen-md"?',
        "nodes.yaml:4:25: cloud: expected aws, gcp or azure, got 'awz'. Did you mean \"aws\"?",
    ]


def test_a_size_that_a_cloud_gives_more_of_is_told() -> None:
    entry = "{{model: {model}, cloud: {cloud}, source: m, size: {size}}}"
    lines = {"fits": ("x", "aws", "gen-md"), "raised": ("y", "aws", "gen-xl"), "more": ("z", "gcp", "gen-xs")}
    nodes = "".join(f"  {name}: {entry.format(model=m, cloud=c, size=s)}\n" for name, (m, c, s) in lines.items())
    Path("nodes.yaml").write_text(f"nodes:\n{nodes}")
    found = list_notes(load_checked("nodes.yaml"))
    assert found.keys() == {"raised", "more"}
    assert found["raised"].startswith("raised to 8 vCPU / 32 GiB")
