"""Conditions of role assignments: the condition of the trigger's role, and invalid conditions."""

from __future__ import annotations

import pytest

from providers.azure.roles import TRIGGER_CONDITION
from sandbox.azure.conditions import ConditionError, Facts, holds
from sandbox.azure.rbac import BLOBS, CONTAINERS

ADD, READ = f"{BLOBS}/add/action", f"{BLOBS}/read"


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        (Facts(ADD, resource={"path": "run/1.claim", "name": "claims-alpha"}), True),
        (Facts(ADD, resource={"path": "claims-alpha/1.claim", "name": "packages"}), False),
        (Facts(ADD, resource={"path": "run/1.claim", "name": "my-claims-alpha"}), False),
        (Facts(ADD, resource={"path": "run/1.claim"}), False),
        (Facts(READ, resource={"path": "run/1.claim", "name": "claims-alpha"}), True),
        (Facts(READ, resource={"path": "run/1.claim", "name": "packages"}), False),
        (Facts(READ, "Blob.List", resource={"name": "claims-alpha"}, request={"prefix": ""}), True),
        (Facts(READ, "Blob.List", resource={"name": "packages"}, request={"prefix": "claims-alpha"}), False),
        (Facts("Microsoft.App/jobs/start/action"), True),
        (Facts(f"{CONTAINERS}/read"), True),
    ],
)
def test_a_trigger_has_blobs_of_claims_only(facts: Facts, allowed: bool) -> None:
    assert holds(TRIGGER_CONDITION, facts) is allowed


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
