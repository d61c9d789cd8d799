"""How URNs are split."""

from pnodes.urn import split_urn

FUNCTION = "aws:lambda/function:Function"


def test_a_resource_at_the_top() -> None:
    assert split_urn(f"urn:pulumi:dev::p::{FUNCTION}::alpha") == ((), FUNCTION, "alpha")


def test_a_resource_within_components_whose_name_has_colons() -> None:
    parents = ("prediction-nodes:aws:Cluster", "prediction-nodes:aws:Trigger")
    assert split_urn(f"urn:pulumi:dev::p::{'$'.join([*parents, FUNCTION])}::a::b") == (parents, FUNCTION, "a::b")
