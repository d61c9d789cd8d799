"""Required tags: project and stack, the node's name on a node's resources, and the tags of the setting `also`."""

from __future__ import annotations

import pytest

from policies.resource import UNKNOWN
from policies.rules.tags import TAGGED
from tests.policies.single_rule import run_rule

BOTH = {"project": "prediction-nodes", "stack": "dev"}


@pytest.mark.parametrize("kind", TAGGED)
def test_tags(kind: str) -> None:
    property_ = TAGGED[kind]
    assert run_rule("tags-present", kind, {property_: BOTH}) == []
    assert run_rule("tags-present", kind, {property_: UNKNOWN}) == []
    assert "lack node" in run_rule("tags-present", kind, {property_: BOTH}, "node")[0]
    assert run_rule("tags-present", kind, {property_: {**BOTH, "node": "alpha"}}, "trigger") == []
    assert "lack project, stack:" in run_rule("tags-present", kind, {})[0]
    assert "lack owner:" in run_rule("tags-present", kind, {property_: BOTH}, also=["owner"])[0]


def test_types_without_tags() -> None:
    assert run_rule("tags-present", "aws:lambda/functionUrl:FunctionUrl", {}) == []
