"""Tags: project and stack on everything, the node's name on what is a node's, and what a company asks for beside."""

from __future__ import annotations

import pytest

from policies.resource import UNKNOWN
from policies.rules.tags import TAGGED
from tests.policies.one import said

BOTH = {"project": "prediction-nodes", "stack": "dev"}


@pytest.mark.parametrize("kind", TAGGED)
def test_tags(kind: str) -> None:
    where = TAGGED[kind]
    assert said("tags-present", kind, {where: BOTH}) == []
    assert said("tags-present", kind, {where: UNKNOWN}) == []
    assert "lack node" in said("tags-present", kind, {where: BOTH}, "node")[0]
    assert said("tags-present", kind, {where: {**BOTH, "node": "alpha"}}, "trigger") == []
    assert "lack project, stack:" in said("tags-present", kind, {})[0]
    assert "lack owner:" in said("tags-present", kind, {where: BOTH}, also=["owner"])[0]


def test_what_takes_no_tags() -> None:
    assert said("tags-present", "aws:lambda/functionUrl:FunctionUrl", {}) == []
