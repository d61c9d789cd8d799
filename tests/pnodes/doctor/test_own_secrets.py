"""The doctor's findings about the nodes' own secrets."""

from __future__ import annotations

from pnodes.doctor.own_secrets import examine
from providers.findings import Level
from tests.providers.patients import node, only

NODES = [node(secrets=("EODHD_TOKEN",)), node("beta", secrets=("EODHD_TOKEN", "TIINGO_KEY"))]


def test_values_that_are_missing_or_plain_are_failures_with_a_command() -> None:
    config = {"p:EODHD_TOKEN": {"value": "HUSH", "secret": False}, "other:TIINGO_KEY": {"value": "x", "secret": True}}
    plain, missing = examine(NODES, "p", config)
    assert (plain.level, plain.mend) == (Level.FAILED, "pulumi config set --secret EODHD_TOKEN")
    assert "HUSH" not in plain.text
    assert (missing.text, missing.mend) == (
        "the secret TIINGO_KEY is not set.", "pulumi config set --secret TIINGO_KEY",
    )  # fmt: skip


def test_all_values_are_set() -> None:
    config = {f"p:{name}": {"value": "HUSH", "secret": True} for name in ("EODHD_TOKEN", "TIINGO_KEY")}
    finding = only(list(examine(NODES, "p", config)), "secrets")
    assert (finding.level, finding.text) == (Level.OK, "2 values are set: EODHD_TOKEN, TIINGO_KEY.")
