"""A node's cost by `pnodes cost` is compared with its lowest ceiling."""

from __future__ import annotations

from typing import Any

import pytest

from nodefile.settings import load_node
from pnodes.plan.cost import estimate
from policies.pack import STACK_RULES
from policies.resource import Context, Resource
from tests.policies.single_rule import list_defaults

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
ALPHA: dict[str, Any] = {
    "model": MODEL,
    "tournament": "classic",
    "cloud": "aws",
    "region": "us-east-1",
    "size": {"preset": "gen-sm", "cpu": 1.0, "memory": 4096.0},
    "source": "m",
    "context": "m",
    "dockerfile": "m/Dockerfile",
    "timeout": 3600.0,
    "enabled": True,
    "register_webhook": True,
    "build": {"docker": False},
}
BIG = {**ALPHA, "size": {"preset": "mem-4xl", "cpu": 16.0, "memory": 122880.0}}
SETTING = "prediction-nodes:cost-ceiling"


def run_rule(settings: Any, setting: str | None = None, **config: Any) -> list[str]:
    (rule,) = [rule for rule in STACK_RULES if rule.name == "cost-ceiling"]
    stack = Resource("pulumi:pulumi:Stack", "dev", {"settings": settings}, "urn")
    context = Context({**list_defaults(rule), **config}, {SETTING: setting} if setting else {})
    violations = list(rule.check([stack], context))
    assert {urn for _, urn in violations} <= {"urn"}
    return [sentence for sentence, _ in violations]


def test_a_node_under_and_over_its_ceiling() -> None:
    month = estimate(load_node("alpha", ALPHA), 600).month
    assert month is not None
    assert run_rule({"alpha": ALPHA}) == []
    (sentence,) = run_rule({"alpha": ALPHA}, str(month - 0.01))
    assert sentence.startswith(f"alpha would cost {month:.2f} USD a month (1 vCPU, 4 GiB, 22 runs of 10 minutes)")
    assert run_rule({"alpha": ALPHA}, str(month + 0.01)) == []
    assert run_rule({"alpha": ALPHA}, str(month + 0.01), minutes=20) != []


RESCUED = {**ALPHA, "rescue": {"cloud": "azure", "region": "eastus2", "after": 1800.0}}
REGISTRY = 0.1666 * 365 / 12
"""An image registry for one rescue, in USD a month."""


def test_the_idle_cost_of_a_rescue_counts() -> None:
    month = estimate(load_node("alpha", ALPHA), 600).month
    assert month is not None
    assert run_rule({"alpha": RESCUED}, str(month + REGISTRY + 0.01)) == []
    (sentence,) = run_rule({"alpha": RESCUED}, str(month + REGISTRY - 0.01))
    assert sentence.startswith(f"alpha would cost {month + REGISTRY:.2f} USD a month (1 vCPU, 4 GiB, 22 runs")
    assert f"of 10 minutes, {REGISTRY:.2f} for its rescue in azure eastus2), but its ceiling is" in sentence
    neighbour = {**ALPHA, "cloud": "azure", "region": "eastus2"}
    assert run_rule({"alpha": RESCUED, "beta": neighbour}, f'{{"alpha": {month + 0.01}}}') == []


def test_a_rescue_on_a_machine_without_a_price() -> None:
    big = {**RESCUED, "rescue": {**RESCUED["rescue"], "size": BIG["size"]}}
    assert run_rule({"alpha": big}) == []
    (sentence,) = run_rule({"alpha": big}, "500")
    assert sentence.startswith("alpha-rescue: the price table has no price for a machine of type E16")
    (sentence,) = run_rule({"alpha": big}, minutes=1000)
    assert f"{73 + REGISTRY:.2f} for its rescue" in sentence, "the management of its machines costs while it rests"


def test_the_lowest_ceiling_applies() -> None:
    assert run_rule({"alpha": ALPHA}, "50", usdAMonth=0.01) != []
    assert run_rule({"alpha": ALPHA}, "0.01", usdAMonth=50) != []
    assert run_rule({"alpha": BIG}, minutes=2000) != [], "the pack has no ceiling of its own"
    assert run_rule({"alpha": BIG}, "10000", minutes=2000) == [], "a setting does not replace the pack's own ceiling"


def test_a_ceiling_for_each_node() -> None:
    sentences = run_rule({"alpha": ALPHA, "beta": ALPHA}, '{"beta": 0.01}')
    assert [sentence.split()[0] for sentence in sentences] == ["beta"]


@pytest.mark.parametrize("setting", ["much", '{"alpha": "some"}', "[1]"])
def test_an_invalid_ceiling_is_reported(setting: str) -> None:
    (sentence,) = run_rule({"alpha": ALPHA}, setting)
    assert sentence.startswith("the setting cost-ceiling is")
    assert "pulumi config set --path cost-ceiling.alpha 20" in sentence


def test_a_machine_without_a_price() -> None:
    machine = {**ALPHA, "disk": 500.0}
    assert run_rule({"alpha": machine}) == []
    (sentence,) = run_rule({"alpha": machine}, "50")
    assert sentence.startswith("alpha: the price table has no price for a machine of type EC2")


def test_a_stack_without_settings() -> None:
    assert run_rule(None) == []
