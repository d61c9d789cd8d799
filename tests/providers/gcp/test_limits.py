"""The limits of Google Cloud, and the machines that nodes get."""

from __future__ import annotations

from typing import Any

import pytest

from nodefile import Node, Schedule, Size
from nodefile.sizes import PRESETS
from providers.gcp.limits import MACHINES, check, fit
from tests.providers import patients


def node(**changes: Any) -> Node:
    plain: dict[str, Any] = {"cloud": "gcp", "region": "us-central1", "size": Size(preset=None, cpu=1, memory=2048)}
    return patients.node(**(plain | changes))


def sized(cpu: float, memory: int) -> Node:
    return node(size=Size(preset=None, cpu=cpu, memory=memory))


def said(one: Node) -> list[tuple[str, str]]:
    return list(check(one, "prediction-nodes", "dev"))


# (CPU units, MiB) -> vCPU and MiB of the job, None if Cloud Run has nothing large enough.
EXPECTED = {
    (512, 1024): (1, 1024),
    (512, 2048): (1, 2048),
    (512, 4096): (1, 4096),
    (1024, 2048): (1, 2048),
    (1024, 4096): (1, 4096),
    (1024, 8192): (2, 8192),
    (2048, 4096): (2, 4096),
    (2048, 8192): (2, 8192),
    (2048, 16384): (4, 16384),
    (4096, 8192): (4, 8192),
    (4096, 16384): (4, 16384),
    (4096, 30720): (8, 30720),
    (8192, 16384): (8, 16384),
    (8192, 30720): (8, 30720),
    (8192, 61440): None,
    (16384, 30720): None,
    (16384, 61440): None,
    (16384, 81920): None,
    (16384, 102400): None,
    (16384, 122880): None,
}


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_gets_its_job_or_a_reason(preset: str) -> None:
    units, memory = PRESETS[preset]
    one, expected = sized(units / 1024, memory), EXPECTED[PRESETS[preset]]
    if expected is None:
        ((field, text),) = said(one)
        assert field == "size"
        assert f"{units / 1024:g} vCPU / {memory / 1024:g} GiB is more than a Cloud Run job can have" in text
        assert "the largest is 8 vCPU / 32 GiB" in text
    else:
        given = fit(one)
        assert (given.vcpu, given.memory) == expected
        assert (given.note is None) == (expected == (units / 1024, memory))
        assert said(one) == []


@pytest.mark.parametrize(
    ("cpu", "memory", "given"),
    [
        (0.25, 256, (1, 512)),
        (1, 4097, (2, 4097)),
        (3, 2048, (4, 2048)),
        (4, 1024, (4, 2048)),
        (5, 1024, (6, 4096)),
        (4, 20480, (6, 20480)),
        (8, 32768, (8, 32768)),
    ],
)
def test_the_next_size_that_cloud_run_has(cpu: float, memory: int, given: tuple[int, int]) -> None:
    fitting = fit(sized(cpu, memory))
    assert (fitting.vcpu, fitting.memory) == given
    least, most = MACHINES[round(fitting.vcpu)]
    assert least <= fitting.memory <= most
    assert fitting.limits == {"cpu": str(given[0]), "memory": f"{given[1]}Mi"}


def test_a_raised_size_says_so() -> None:
    assert fit(sized(2, 16384)).note == (
        "raised to 4 vCPU / 16 GiB, the next size of Cloud Run jobs: each number of vCPUs has its own range of memory"
    )


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"size": Size(preset=None, cpu=16, memory=4096)}, "size", "the largest is 8 vCPU / 32 GiB"),
        ({"size": Size(preset=None, cpu=8, memory=32769)}, "size", "the largest is 8 vCPU / 32 GiB"),
        ({"region": "us-central1-a"}, "region", "expected a name such as us-central1"),
        ({"region": "us-east-1"}, "region", '"us-east-1" is not the name of a Google Cloud region'),
        ({"region": "US-CENTRAL1"}, "region", "gcloud run regions list"),
        ({"timeout": 25 * 3600}, "timeout", "25 h is longer than a run may take here; the maximum is 24 h"),
        ({"disk": 50}, "disk", "use its memory"),
        ({"tags": {"Team": "x"}}, "tags", '"Team" cannot be a label'),
        ({"tags": {"1team": "x"}}, "tags", "beginning with a letter"),
        ({"tags": {"google-x": "x"}}, "tags", 'not with "goog"'),
        ({"tags": {"a" * 64: "x"}}, "tags", "1 to 63 lower-case letters"),
        ({"tags": {"team": "Some Body"}}, "tags", '"Some Body" cannot be a label\'s value'),
        ({"tags": {"team": "x" * 64}}, "tags", "at most 63"),
        ({"tags": {f"t{number}": "" for number in range(62)}}, "tags", "62 tags are too many"),
        ({"env": {"CLOUD_RUN_JOB": "x"}}, "env", '"CLOUD_RUN_JOB" is reserved for Cloud Run'),
        ({"env": {"PORT": "1"}}, "env", '"PORT" is reserved for Cloud Run'),
        ({"env": {f"V{number}": "" for number in range(991)}}, "env", "991 variables are too many"),
    ],
)
def test_what_is_refused_and_where(changes: dict[str, Any], field: str, text: str) -> None:
    found = said(node(**changes))
    assert len(found) == 1, found
    assert found[0][0] == field
    assert text in found[0][1]
    assert found[0][1].endswith(".")


@pytest.mark.parametrize("region", ["us-central1", "europe-west12", "northamerica-northeast1", "me-central2"])
def test_regions_as_google_names_them(region: str) -> None:
    assert said(node(region=region)) == []


def test_what_is_possible_is_not_refused() -> None:
    one = node(
        tags={"team": "", "cost-center": "a_1-b"},
        env={"LOG_LEVEL": "info", "EMPTY": "", "REPORT": "1"},
        timeout=24 * 3600,
        schedule=Schedule(cron="*/5 0-6 1,15 jan-mar mon-fri", timezone="Asia/Kathmandu"),
    )
    assert said(one) == []


def test_several_things_at_once() -> None:
    assert [field for field, _ in said(node(region="x", disk=100, timeout=10**6))] == ["region", "timeout", "disk"]
