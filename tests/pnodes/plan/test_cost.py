"""Estimates compared with manual calculations: a run, a month, shared resources, and no estimate without a price."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import Node, Schedule, parse
from pnodes.plan.cost import ROUNDS_MONTH, count_scheduled_runs, estimate, estimate_shared


def nodes(tmp_path: Path, *texts: str) -> list[Node]:
    (tmp_path / "model").mkdir(exist_ok=True)
    (tmp_path / "model" / "Dockerfile").write_text("FROM scratch\n")
    entries = []
    for place, text in enumerate(texts):
        model = f"5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c{place:02d}"
        entries.append(f"  node{place}: {{model: {model}, source: model, {text}}}\n")
    (tmp_path / "nodes.yaml").write_text("nodes:\n" + "".join(entries))
    found, problems = parse(tmp_path / "nodes.yaml")
    assert found is not None, problems
    return list(found.nodes)


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        # ten minutes of 1 vCPU and 4 GiB on Fargate with a public address
        ("cloud: aws, size: gen-sm", (0.04048 + 4 * 0.004445 + 0.005) / 6),
        ("cloud: aws, size: gen-sm, disk: 70GiB", (0.04048 + 4 * 0.004445 + 50 * 0.000111 + 0.005) / 6),
        ("cloud: gcp, size: gen-sm", 600 * (0.000018 + 4 * 0.000002)),
        # Container Apps provides 2 GiB per vCPU: 4 GiB require 2 vCPUs
        ("cloud: azure, size: gen-sm", 600 * (2 * 0.000024 + 4 * 0.000003)),
        # a whole serverless machine with 8 vCPUs, 56 GiB and a T4
        ("cloud: azure, size: mem-md", 600 * (8 * 0.000024 + 56 * 0.000003 + 0.000073)),
    ],
)
def test_a_run(tmp_path: Path, text: str, usd: float) -> None:
    found = estimate(nodes(tmp_path, text)[0], 600)
    assert found.run == pytest.approx(usd)
    assert found.month == pytest.approx(usd * ROUNDS_MONTH)


def test_a_minute_is_the_least_on_fargate(tmp_path: Path) -> None:
    node = nodes(tmp_path, "cloud: aws")[0]
    assert estimate(node, 5).run == estimate(node, 60).run
    azure = nodes(tmp_path, "cloud: azure")[0]
    assert (estimate(azure, 5).run or 0) < (estimate(azure, 60).run or 0)


def test_no_price_is_no_figure(tmp_path: Path) -> None:
    big = estimate(nodes(tmp_path, "cloud: azure, size: gen-xl, region: eastus2")[0], 600)
    assert (big.run, big.month) == (None, None)
    assert "D8" in big.why or "E8" in big.why
    disk = estimate(nodes(tmp_path, "cloud: aws, disk: 400GiB")[0], 600)
    assert disk.run is None
    assert "EC2" in disk.why


def test_what_regions_share(tmp_path: Path) -> None:
    made = nodes(
        tmp_path,
        "cloud: aws",
        "cloud: aws, account: fund",
        "cloud: aws, region: eu-west-1",
        "cloud: azure",
        "cloud: gcp",
    )
    found = {(one.cloud, one.region): one.month for one in estimate_shared(made)}
    assert found == {
        ("aws", "us-east-1"): pytest.approx(2 * 0.40),
        ("aws", "eu-west-1"): pytest.approx(0.40),
        ("azure", "eastus"): pytest.approx(0.1666 * 365 / 12),
        ("gcp", "us-central1"): pytest.approx(2 * 0.06 + 0.10),  # the schedule of the watch
    }


def test_machines_of_azure_cost_at_rest_by_their_kinds(tmp_path: Path) -> None:
    sizes = ("gen-sm", "gen-xl", "gen-xl", "mem-md")
    texts = [f"cloud: azure, region: eastus2, size: {size}" for size in sizes]
    (found,) = estimate_shared(nodes(tmp_path, *texts))
    assert found.month == pytest.approx(0.1666 * 365 / 12 + 2 * 73)
    assert "management of D8, E4 machines" in found.what
    (serverless,) = estimate_shared(nodes(tmp_path, *(f"cloud: azure, size: {size}" for size in sizes)))
    assert serverless.month == pytest.approx(0.1666 * 365 / 12)
    (none,) = estimate_shared(nodes(tmp_path, "cloud: aws, disk: 400GiB"))
    assert "machines" not in none.what


def test_a_schedule_adds_its_runs(tmp_path: Path) -> None:
    assert count_scheduled_runs(Schedule(cron="30 14 * * *", timezone="UTC")) == pytest.approx(365 / 12)
    assert count_scheduled_runs(Schedule(cron="0 * * * 1-5", timezone="UTC")) == pytest.approx(
        24 * 5 * 4 * 365 / 12 / 28
    )
    node = nodes(tmp_path, "cloud: gcp, schedule: '30 14 * * *'")[0]
    assert estimate(node, 60).runs_month == pytest.approx(ROUNDS_MONTH + 365 / 12)
    assert estimate(node, 60).rest_month == pytest.approx(0.10)
    off = nodes(tmp_path, "cloud: gcp, enabled: false, schedule: '30 14 * * *'")[0]
    assert estimate(off, 60).runs_month == 0


def test_own_secrets_cost_by_account_on_aws_and_by_name_on_google(tmp_path: Path) -> None:
    extra = {}
    for cloud in ("aws", "gcp", "azure"):
        plain = [f"cloud: {cloud}", f"cloud: {cloud}, account: fund"]
        (before,) = estimate_shared(nodes(tmp_path, *plain))
        (after,) = estimate_shared(nodes(tmp_path, f"{plain[0]}, secrets: [A, B]", f"{plain[1]}, secrets: [B, C]"))
        extra[cloud] = round(after.month - before.month, 2)
        assert ("secrets" in after.what) == (cloud != "azure")
    assert extra == {"aws": 2 * 0.40, "gcp": 3 * 0.06, "azure": 0}


@pytest.mark.parametrize(("cloud", "usd"), [("aws", 0.40), ("gcp", 2 * 0.06 + 0.10), ("azure", 0.50)])
def test_alerts_are_counted_once_a_region(tmp_path: Path, cloud: str, usd: float) -> None:
    plain = f"cloud: {cloud}"
    alerts = f"{plain}, alerts: {{webhook: chat, email: me@example.com, heartbeat: beat}}"
    (without,) = estimate_shared(nodes(tmp_path, plain, plain))
    (with_alerts,) = estimate_shared(nodes(tmp_path, alerts, alerts))
    assert with_alerts.month - without.month == pytest.approx(usd)
    assert with_alerts.what == f"{without.what}, alerts"
