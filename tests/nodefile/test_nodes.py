"""Valid files: defaults are merged, paths resolved, sizes and times converted to numbers, and values located."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nodefile import Build, Node, NodeFile, Size, Tournament, load, parse, sizes

ROOT = Path(__file__).resolve().parents[2]
ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("m", "common/m2"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "Dockerfile").write_text("FROM scratch\n")


def read(text: str) -> NodeFile:
    Path("nodes.yaml").write_text(text)
    return load("nodes.yaml")


def one(**changes: str) -> Node:
    entry = {"model": ID, "cloud": "aws", "source": "m", **changes}
    return read("nodes:\n  alpha:\n" + "".join(f"    {key}: {value}\n" for key, value in entry.items())).nodes[0]


def test_missing_keys_have_defaults() -> None:
    node = one()
    assert (node.tournament, node.region, node.timeout, node.enabled) == (Tournament.CLASSIC, "us-east-1", 3600, True)
    assert node.size == Size(preset="gen-sm", cpu=1, memory=4096)
    assert (node.disk, node.schedule, node.env, node.command, node.tags) == (None, None, {}, None, {})
    assert node.source == node.context == Path("m").resolve()
    assert node.dockerfile == Path("m/Dockerfile").resolve()
    assert node.build == Build(docker=False)


def test_a_node_can_opt_out_of_docker() -> None:
    node_file = read(
        "defaults: {cloud: aws, source: m, build: {docker: true}}\n"
        f"nodes:\n  one: {{model: {ID}}}\n  two: {{model: other, build: {{docker: false}}}}\n"
    )
    assert [node.build.docker for node in node_file.nodes] == [True, False]


@pytest.mark.parametrize(("cloud", "region"), [("aws", "us-east-1"), ("gcp", "us-central1"), ("azure", "eastus")])
def test_each_cloud_has_its_default_region(cloud: str, region: str) -> None:
    assert one(cloud=cloud).region == region


def test_defaults_are_merged_and_a_nodes_own_value_wins() -> None:
    node_file = read(
        "defaults: {cloud: gcp, source: m, size: mem-md, env: {A: a, B: b}, tags: {team: x}, timeout: 2h}\n"
        f"nodes:\n  one: {{model: {ID}}}\n  two: {{model: other, cloud: aws, env: {{B: c}}, timeout: 90m}}\n"
    )
    first, second = node_file.nodes
    assert (first.cloud, first.size.memory, first.timeout, first.env) == ("gcp", 16384, 7200, {"A": "a", "B": "b"})
    assert (second.cloud, second.timeout, second.env, second.tags) == (
        "aws",
        5400,
        {"A": "a", "B": "c"},
        {"team": "x"},
    )


@pytest.mark.parametrize(("name", "units", "memory"), [(name, *shape) for name, shape in sizes.PRESETS.items()])
def test_every_preset_of_numerai_cli(name: str, units: int, memory: int) -> None:
    size = one(size=name).size
    assert (size.preset, size.cpu_units, size.memory) == (name, units, memory)


def test_there_are_twenty_presets() -> None:
    assert len(sizes.PRESETS) == 20


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("size", "{cpu: 0.5, memory: 1536MiB}", Size(preset=None, cpu=0.5, memory=1536)),
        ("size", "{cpu: 8, memory: 32 GiB}", Size(preset=None, cpu=8, memory=32768)),
        ("size", "{cpu: 4, memory: 30720MiB}", Size(preset=None, cpu=4, memory=30720)),
        ("timeout", "1h30m", 5400),
        ("timeout", "45s", 45),
        ("timeout", "2h", 7200),
        ("disk", "50GiB", 50),
        ("command", "python predict.py --name 'a b'", ("python", "predict.py", "--name", "a b")),
        ("command", '["python", "-c", ""]', ("python", "-c", "")),
        ("command", "python -c ' '", ("python", "-c", " ")),
        ("env", '{A: " ", B: !!str 3.10}', {"A": " ", "B": "3.10"}),
        ("model", ID.upper(), ID),
        ("model", "ID_" + ID[:8], "ID_" + ID[:8]),
        ("env", '{A: "1", B: "", C: x=y}', {"A": "1", "B": "", "C": "x=y"}),
        ("env", '{TIME: "12:30", FLAG: "no"}', {"TIME": "12:30", "FLAG": "no"}),
        ("enabled", "false", False),
        ("build", "{docker: true}", Build(docker=True)),
        ("build", "{docker: false}", Build(docker=False)),
        ("model", "my_model", "my_model"),
        ("region", "eu-west-1", "eu-west-1"),
    ],
)
def test_values(key: str, text: str, expected: Any) -> None:
    assert getattr(one(**{key: text}), key) == expected


def test_a_schedule_is_in_utc_by_default() -> None:
    plain = one(schedule='"0 14 * * 2-6"').schedule
    assert plain is not None
    assert (plain.cron, plain.timezone) == ("0 14 * * 2-6", "UTC")
    zoned = one(schedule='{cron: "@daily", timezone: Asia/Tokyo}').schedule
    assert zoned is not None
    assert (zoned.cron, zoned.timezone) == ("0 0 * * *", "Asia/Tokyo")


def test_a_context_may_be_a_parent_of_the_source() -> None:
    node = one(source="common/m2", context="common")
    assert (node.source, node.context) == (Path("common/m2").resolve(), Path("common").resolve())


def test_paths_are_relative_to_the_file_not_to_the_current_folder(tmp_path: Path) -> None:
    Path("nodes.yaml").write_text(f"nodes: {{alpha: {{model: {ID}, cloud: aws, source: m}}}}\n")
    code = f"from nodefile import load; print(load({str(tmp_path / 'nodes.yaml')!r}).nodes[0].source)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str((tmp_path / "m").resolve())


def test_anchors_and_a_byte_order_mark_are_accepted() -> None:
    text = f"\ufeffnodes:\n  one: {{model: {ID}, cloud: aws, source: m, env: &e {{A: a}}}}\n"
    node_file = read(text + "  two: {model: x, cloud: aws, source: m, env: *e}\n")
    assert [node.env for node in node_file.nodes] == [{"A": "a"}, {"A": "a"}]


def test_the_same_name_in_two_tournaments_is_two_models() -> None:
    text = "defaults: {cloud: aws, source: m, model: }\nnodes:\n"
    node_file = read(text + "  one: {model: x}\n  two: {model: x, tournament: signals}\n")
    assert len(node_file.nodes) == 2


def test_nodes_with_mistakes_are_still_returned_for_the_clouds_checks() -> None:
    text = (
        "defaults: {cloud: gcp, source: m, size: mem-4xl}\n"
        f"nodes:\n  one: {{model: {ID}, size: gen-mdd, disk: 9GiB}}\n"
        "  two: {model: x, cloud: awz}\n  three: {model: y}\n"
    )
    Path("nodes.yaml").write_text(text)
    node_file, problems = parse("nodes.yaml")
    assert [problem.line for problem in problems] == [3, 4]
    assert node_file is not None
    # `defaults` must not replace a wrong value: a cloud's checks would then report a value that the node does not use.
    assert [(node.name, node.size.preset, node.disk) for node in node_file.nodes] == [
        ("one", "gen-sm", 9),
        ("three", "mem-4xl", None),
    ]


def test_fields_are_located() -> None:
    node_file = read(f"defaults:\n  size: gen-md\nnodes:\n  alpha:\n    model: {ID}\n    cloud: aws\n    source: m\n")
    assert str(node_file.problem("alpha", "cloud", "x")) == "nodes.yaml:6:12: x"
    assert str(node_file.problem("alpha", "size", "x")) == "nodes.yaml:2:9: x"
    assert str(node_file.problem("alpha", "disk", "x")) == "nodes.yaml:4:3: x"
    assert str(node_file.problem("alpha", "size", "too large")) == "nodes.yaml:2:9: too large"


def test_pulumi_is_not_imported() -> None:
    code = "import sys, nodefile, providers.checks; print([name for name in sys.modules if name.startswith('pulumi')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
