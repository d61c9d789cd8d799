"""`pnodes cost`: the table and the JSON contain the same data, and errors are sentences."""

import json
from pathlib import Path

import pytest

from tests.pnodes_command import Pnodes

NODES = """\
nodes:
  alpha: {model: alpha_model, cloud: aws, source: model}
  beta: {model: beta_model, cloud: azure, source: model, size: gen-2xl}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "nodes.yaml").write_text(NODES)
    return tmp_path / "nodes.yaml"


def test_the_table(pnodes: Pnodes, file: Path) -> None:
    done = pnodes("cost", str(file))
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "1 vCPU, 4 GiB" in lines["alpha"]
    assert lines["beta"].split()[-1] == "?"
    assert "beta: the price table has no price for a machine of type" in done.stdout
    answer = json.loads(pnodes("cost", str(file), "--json").stdout)
    assert not answer["complete"]
    assert lines["all"].split()[-1] == f"{answer['month']:.2f}"
    assert answer["prices_of"] in done.stdout


def test_longer_runs_cost_more(pnodes: Pnodes, file: Path) -> None:
    short, long = (
        json.loads(pnodes("cost", str(file), "--minutes", minutes, "--json").stdout)["nodes"][0]["run"]
        for minutes in ("10", "60")
    )
    assert long == pytest.approx(6 * short)


def test_mistakes_are_told(pnodes: Pnodes, file: Path) -> None:
    result = pnodes("cost", str(file), "--minutes", "0")
    assert result.exit_code == 2, result.output
    file.write_text("nodes: {alpha: {cloud: aws}}\n")
    done = pnodes("cost", str(file))
    assert done.exit_code == 2, done.output
    assert "node alpha has no `source`" in done.stderr


def test_a_rescue_costs_what_its_region_costs_at_rest(pnodes: Pnodes, file: Path) -> None:
    file.write_text("nodes: {alpha: {model: m, cloud: aws, source: model, rescue: {cloud: gcp}}}\n")
    answer = json.loads(pnodes("cost", str(file), "--json").stdout)
    assert [(node["node"], node["runs_month"], node["month"] > 0) for node in answer["nodes"]] == [
        ("alpha", 22, True),
        ("alpha-rescue", 0, False),
    ]
    assert {region["cloud"] for region in answer["shared"] if region["month"]} == {"aws", "gcp"}
