"""The limits of AWS, and the machines that nodes get."""

from __future__ import annotations

from typing import Any

import pytest

from nodefile import Node, Schedule, Size
from nodefile.sizes import PRESETS
from providers.aws.limits import EC2, FARGATE, PAIRS, check, fit
from tests.providers import patients


def node(**changes: Any) -> Node:
    plain = {"size": Size(preset=None, cpu=1, memory=2048)}
    return patients.node(**(plain | changes))


def sized(cpu: float, memory: int, **changes: Any) -> Node:
    return node(size=Size(preset=None, cpu=cpu, memory=memory), **changes)


def said(one: Node, project: str = "prediction-nodes", stack: str = "dev") -> list[tuple[str, str]]:
    return list(check(one, project, stack))


RAISED = {"gen-xl": 32768, "gen-2xl": 65536, "cpu-2xl": 32768, "mem-3xl": 106496}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_pair_and_says_when_it_was_raised(preset: str) -> None:
    units, memory = PRESETS[preset]
    one = sized(units / 1024, memory)
    given = fit(one)
    assert given.platform == FARGATE
    assert (given.vcpu * 1024, given.memory) == (units, RAISED.get(preset, memory))
    assert given.memory in PAIRS[round(given.vcpu * 1024)]
    assert (given.note is not None) == (preset in RAISED)
    assert said(one) == []


@pytest.mark.parametrize(
    ("cpu", "memory", "pair"),
    [
        (0.1, 256, (256, 512)),
        (0.25, 3072, (512, 3072)),
        (1, 1024, (1024, 2048)),
        (3, 10240, (4096, 10240)),
        (1, 20480, (4096, 20480)),
        (2, 65536, (16384, 65536)),
        (8, 17408, (8192, 20480)),
    ],
)
def test_between_two_pairs_a_node_gets_the_next_one(cpu: float, memory: int, pair: tuple[int, int]) -> None:
    given = fit(sized(cpu, memory))
    assert (given.vcpu * 1024, given.memory) == pair
    assert given.note is not None
    assert f"raised to {pair[0] / 1024:g} vCPU / {pair[1] / 1024:g} GiB" in given.note


@pytest.mark.parametrize(("cpu", "text"), [(0.25, "0.25"), (0.5, "0.5"), (1, "1"), (16, "16")])
def test_vcpus_as_batch_writes_them(cpu: float, text: str) -> None:
    assert fit(sized(cpu, 2048)).vcpus == text


@pytest.mark.parametrize(("cpu", "memory"), [(17, 2048), (1, 120 * 1024 + 1)])
def test_a_size_that_nothing_has_names_the_largest(cpu: float, memory: int) -> None:
    ((field, text),) = said(sized(cpu, memory))
    assert field == "size"
    assert "16 vCPU / 120 GiB" in text


@pytest.mark.parametrize(
    ("disk", "platform", "given"), [(None, FARGATE, None), (20, FARGATE, None), (21, FARGATE, 21), (200, FARGATE, 200)]
)
def test_disk_on_fargate(disk: int | None, platform: str, given: int | None) -> None:
    found = fit(node(disk=disk))
    assert (found.platform, found.disk, found.note) == (platform, given, None)


def test_more_disk_than_fargate_has_takes_a_whole_machine() -> None:
    found = fit(sized(0.5, 1500, disk=201))
    assert (found.platform, found.vcpu, found.memory, found.disk) == (EC2, 16, 120 * 1024, 201)
    assert "200 GiB" in (found.note or "")


@pytest.mark.parametrize(
    ("disk", "queue"),
    [(200, FARGATE), (201, "EC2-256"), (256, "EC2-256"), (257, "EC2-512"), (9000, "EC2-16320"), (16320, "EC2-16320")],
)
def test_machines_have_disks_of_few_sizes(disk: int, queue: str) -> None:
    assert fit(node(disk=disk)).queue == queue


def test_a_disk_that_no_volume_has() -> None:
    assert [field for field, _ in said(node(disk=17000))] == ["disk"]


@pytest.mark.parametrize("region", ["eastus", "us-central1", "us-east", "US-EAST-1", "us-east-1a"])
def test_regions_of_others(region: str) -> None:
    ((field, text),) = said(node(region=region))
    assert field == "region"
    assert "us-east-1" in text


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "ap-southeast-3"])
def test_regions(region: str) -> None:
    assert said(node(region=region)) == []


@pytest.mark.parametrize(
    ("region", "lacks"),
    [("eu-central-2", "function URLs"), ("ap-southeast-7", "function URLs"), ("mx-central-1", "CodeBuild")],
)
def test_regions_without_a_service(region: str, lacks: str) -> None:
    ((field, text),) = said(node(region=region))
    assert field == "region"
    assert f"{region} has no {lacks}" in text


@pytest.mark.parametrize(("seconds", "bad"), [(59, True), (60, False), (14 * 86400, False), (14 * 86400 + 1, True)])
def test_timeouts(seconds: int, bad: bool) -> None:
    assert [field for field, _ in said(node(timeout=seconds))] == (["timeout"] if bad else [])


def test_a_schedule_that_aws_cannot_say() -> None:
    ((field, text),) = said(node(schedule=Schedule(cron="0 1 1 * 1", timezone="UTC")))
    assert field == "schedule"
    assert "both the day of the month and the weekday" in text


def test_the_longest_name_fits_and_a_longer_one_says_who_may_shrink() -> None:
    assert said(node(name="a" * 20), project="p" * 30, stack="s" * 24) == []
    ((field, text),) = said(node(name="a" * 20), project="p" * 30, stack="s" * 25)
    assert field == "name"
    assert "the function's name" in text
    assert "65 characters" in text
    ((field, text),) = said(node(name="a" * 107))
    assert field == "name"
    assert "job definition's name" in text
    assert "shorten the name of the node, the stack or the project" in text


@pytest.mark.parametrize("project", ["My-Project", "my.project", "my--project", "-mine", "mine_"])
def test_projects_that_cannot_name_functions_and_repositories(project: str) -> None:
    assert [field for field, text in said(node(), project=project) if project in text] == ["name"]


def test_what_batch_would_drop_or_refuse_of_the_environment() -> None:
    assert said(node(env={"A": "1"})) == []
    assert "empty" in dict(said(node(env={"A": ""})))["env"]
    assert "AWS_BATCH" in dict(said(node(env={"AWS_BATCH_X": "1"})))["env"]
    assert "bytes" in dict(said(node(env={"A": "x" * 20481})))["env"]


@pytest.mark.parametrize(
    ("tags", "part"),
    [
        ({"a" * 129: "x"}, "1 to 128"),
        ({"": "x"}, "1 to 128"),
        ({"a": "x" * 257}, "256"),
        ({"AWS:x": "y"}, "reserves for itself"),
        ({"a": "what?"}, "letters, digits"),
        ({"a#": "b"}, "letters, digits"),
        ({"Team": "a", "team": "b"}, "ignore case"),
        ({"Node": "a"}, "ignore case"),
        ({f"t{number}": "x" for number in range(48)}, "too many"),
    ],
)
def test_tags_that_aws_refuses(tags: dict[str, str], part: str) -> None:
    problems = said(node(tags=tags))
    assert {field for field, _ in problems} == {"tags"}
    assert [text for _, text in problems if part in text], problems


def test_tags_that_aws_takes() -> None:
    tags = {"Kostenstelle": "Größe 7 + a=b_c:d/e@f", **{f"t{number}": "x" for number in range(46)}}
    assert said(node(tags=tags)) == []
