"""How the deployed stack is read from outputs and settings, and which of its values are secret."""

from typing import Any

from pnodes.deployed.stack import DeployedStack

OUTPUTS: dict[str, Any] = {
    "nodes": {"a": {"cloud": "aws", "region": "r", "tournament": "classic", "model_id": "m", "job": "j", "queue": "q"}},
    "webhooks": {"a": "https://h/pred/m?token=SECRET"},
}


def test_webhooks_and_keys_are_in_no_text() -> None:
    keys = {"p:numerai-public-id": {"value": "ID"}, "p:numerai-secret": {"value": "HUSH", "secret": True}}
    found = DeployedStack(OUTPUTS, {"aws:region": {"value": "us-east-1"}, **keys}, "p")
    assert "SECRET" not in repr(found.nodes)
    assert found.node("a").facts.require("queue") == "q"
    assert (found.configured("aws:region"), found.configured("aws:profile")) == ("us-east-1", None)
    assert found.numerai(None).token == ("ID", "HUSH")
