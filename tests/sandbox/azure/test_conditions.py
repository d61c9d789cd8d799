"""Conditions of role assignments: the condition of the claims, and invalid conditions."""

from __future__ import annotations

import pytest

from providers.azure.roles import build_claims_condition
from sandbox.azure.conditions import ConditionError, Facts, holds
from sandbox.azure.rbac import BLOBS

ADD, READ = f"{BLOBS}/add/action", f"{BLOBS}/read"


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        (Facts(ADD, resource={"path": "alpha/run/1.claim"}), True),
        (Facts(ADD, resource={"path": "alphabet/run/1.claim"}), False),
        (Facts(ADD, resource={"path": "beta/run/1.claim"}), False),
        (Facts(READ, resource={"path": "alpha/run/1.claim"}), True),
        (Facts(READ, resource={"path": "beta/run/1.claim"}), False),
        (Facts(READ, "Blob.List", request={"prefix": "alpha/run/"}), True),
        (Facts(READ, "Blob.List", request={"prefix": "alpha"}), False),
        (Facts(READ, "Blob.List", request={"prefix": ""}), False),
        (Facts(READ, "Blob.List"), False),
    ],
)
def test_a_node_s_claims_are_its_own(facts: Facts, allowed: bool) -> None:
    assert holds(build_claims_condition("alpha"), facts) is allowed


def test_and_binds_tighter_than_or() -> None:
    one = "(ActionMatches{'a'} OR ActionMatches{'b'} AND ActionMatches{'c'})"
    assert holds(one, Facts("a"))
    assert not holds(one, Facts("b"))
    assert holds("!ActionMatches{'a'}", Facts("b"))


@pytest.mark.parametrize(
    "text",
    ["", "ActionMatches{'a'", "(ActionMatches{'a'}", "ActionMatches{'a'} ActionMatches{'a'}", "@Principal[x] y 'z'"],
)
def test_what_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ConditionError):
        holds(text, Facts("a"))


def test_an_operator_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ConditionError, match="NumericEquals"):
        holds("@Resource[a:path] NumericEquals 'b'", Facts("a", resource={"path": "b"}))
