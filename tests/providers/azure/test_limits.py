"""The limits of Azure, and the machines that nodes get."""

from __future__ import annotations

from typing import Any

import pytest

from nodefile import Node, Schedule, Size
from nodefile.sizes import PRESETS
from providers.azure.limits import DEDICATED, check, count_machines, fit
from tests.providers import patients


def node(**changes: Any) -> Node:
    plain: dict[str, Any] = {"cloud": "azure", "region": "eastus", "size": Size(preset=None, cpu=1, memory=2048)}
    return patients.node(**(plain | changes))


def sized(cpu: float, memory: int, **changes: Any) -> Node:
    return node(size=Size(preset=None, cpu=cpu, memory=memory), **changes)


def said(one: Node) -> list[tuple[str, str]]:
    return list(check(one, "prediction-nodes", "dev"))


EXPECTED = {
    (512, 1024): ("Consumption", 0.5, 1024),
    (512, 2048): ("Consumption", 1, 2048),
    (512, 4096): ("Consumption", 2, 4096),
    (1024, 2048): ("Consumption", 1, 2048),
    (1024, 4096): ("Consumption", 2, 4096),
    (1024, 8192): ("Consumption", 4, 8192),
    (2048, 4096): ("Consumption", 2, 4096),
    (2048, 8192): ("Consumption", 4, 8192),
    (2048, 16384): ("T4", 8, 57344),
    (4096, 8192): ("Consumption", 4, 8192),
    (4096, 16384): ("T4", 8, 57344),
    (4096, 30720): ("T4", 8, 57344),
    (8192, 16384): ("T4", 8, 57344),
    (8192, 30720): ("T4", 8, 57344),
    (8192, 61440): ("E8", 8, 61440),  # more than a T4 machine has
    (16384, 30720): ("D16", 16, 30720),
    (16384, 61440): ("D16", 16, 61440),
    (16384, 81920): ("E16", 16, 81920),
    (16384, 102400): ("E16", 16, 102400),
    (16384, 122880): ("E16", 16, 122880),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_a_home(preset: str) -> None:
    units, memory = PRESETS[preset]
    one = sized(units / 1024, memory)
    given = fit(one)
    assert (given.profile, given.vcpu, given.memory) == EXPECTED[(units, memory)]
    assert (given.note is None) == ((given.vcpu, given.memory) == (units / 1024, memory) and given.profile[0] == "C")
    assert said(one) == []


@pytest.mark.parametrize(("memory", "text"), [(512, "0.5Gi"), (1536, "1.5Gi"), (8192, "8Gi"), (122880, "120Gi")])
def test_memory_as_container_apps_writes_it(memory: int, text: str) -> None:
    assert fit(sized(memory / 2048, memory)).memory_gib == text


@pytest.mark.parametrize(
    ("disk", "cpu"), [(None, 0.25), (1, 0.25), (2, 0.5), (3, 0.75), (4, 0.75), (5, 1.25), (8, 1.25)]
)
def test_disk_comes_with_vcpu(disk: int | None, cpu: float) -> None:
    assert fit(sized(0.25, 512, disk=disk)).vcpu == cpu


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"size": Size(preset=None, cpu=64, memory=2048)}, "size", "at most 32 vCPU / 248 GiB"),
        ({"size": Size(preset=None, cpu=4, memory=262144)}, "size", "at most 32 vCPU / 248 GiB"),
        ({"size": Size(preset=None, cpu=8.1, memory=16384)}, "size", "not a multiple of 0.25"),
        ({"disk": 9}, "disk", "at most 8 GiB"),
        ({"timeout": 25 * 3600}, "timeout", "the maximum is 24 h"),
        ({"region": "us-east-1"}, "region", "eastus"),
        ({"region": "East US"}, "region", "lower-case letters and digits"),
        ({"region": "usgovvirginia"}, "region", "not in Azure's public cloud"),
        ({"region": "chinanorth3"}, "region", "not in Azure's public cloud"),
        ({"env": {"1A": "x"}}, "env", '"1A" cannot name a variable'),
        ({"tags": {"a?b": "x"}}, "tags", "that Azure refuses"),
        ({"tags": {"Node": "x"}}, "tags", "ignores case"),
        ({"tags": {"team": "x", "Team": "y"}}, "tags", '"Team" and "team" are the same tag'),
        ({"tags": {"azure-x": "x"}}, "tags", "begins with a word that Azure reserves"),
        ({"tags": {"a" * 129: "x"}}, "tags", "129 characters"),
        ({"tags": {"a": "x" * 257}}, "tags", "257 characters"),
        ({"tags": {f"t{number}": "" for number in range(48)}}, "tags", "48 tags are too many"),
        ({"name": "a" * 25}, "name", "at most 24"),
    ],
)
def test_what_is_refused_and_where(changes: dict[str, Any], field: str, text: str) -> None:
    found = said(node(**changes))
    assert len(found) == 1, found
    assert found[0][0] == field
    assert text in found[0][1]
    assert found[0][1].endswith(".")


def test_every_schedule_that_the_file_takes_can_be_kept() -> None:
    for line in ("*/5 * * * *", "0 13 1-7 * 2", "30 2 29 2 *"):
        assert said(node(schedule=Schedule(cron=line, timezone="Australia/Lord_Howe"))) == []


def test_several_things_at_once() -> None:
    assert [field for field, _ in said(node(region="x-1", disk=100, timeout=10**6))] == ["region", "timeout", "disk"]


def test_the_machines_of_a_profile_stay_within_the_usual_quota() -> None:
    counts = {profile: count_machines(profile) for profile in DEDICATED}
    assert (counts["D4"], counts["D32"], counts["E4"], counts["E32"]) == (25, 3, 12, 1)
    assert min(counts.values()) >= 1


DEDICATED_ELSEWHERE = {
    (2048, 16384): ("E4", 2, 16384),
    (4096, 16384): ("E4", 4, 16384),
    (4096, 30720): ("E4", 4, 30720),
    (8192, 16384): ("D8", 8, 16384),
    (8192, 30720): ("D8", 8, 30720),
}


@pytest.mark.parametrize(("units", "memory"), DEDICATED_ELSEWHERE)
def test_a_region_without_serverless_machines_has_dedicated_ones(units: int, memory: int) -> None:
    given = fit(sized(units / 1024, memory, region="eastus2"))
    assert (given.profile, given.cpu, given.memory) == DEDICATED_ELSEWHERE[(units, memory)]
    assert given.note is not None
    assert "73 USD a month even while none runs; in other regions, such as eastus" in given.note


def test_the_note_of_a_large_size_says_what_it_costs_while_idle() -> None:
    assert "costs nothing while idle" in (fit(sized(2, 16384)).note or "")
    largest = fit(sized(16, 61440)).note or ""
    assert "73 USD a month even while none runs" in largest
    assert "other regions" not in largest
