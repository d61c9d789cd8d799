"""How the deployed nodes are read from outputs and settings, and which of the values are secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi

OUTPUTS: dict[str, Any] = {
    "nodes": {"a": {"cloud": "aws", "region": "r", "tournament": "classic", "model_id": "m", "job": "j", "queue": "q"}},
    "webhooks": {"a": "https://h/pred/m?token=SECRET"},
}
KEYS = {"p:numerai-public-id": {"value": "ID"}, "p:numerai-secret": {"value": "HUSH", "secret": True}}
STACKS = "stacks: {one: {nodes: a1}, two: {nodes: b1}, later: {cloud: azure}}"


def test_webhooks_and_keys_are_in_no_text() -> None:
    deployed = DeployedStack([(OUTPUTS, {"aws:region": {"value": "us-east-1"}, **KEYS})], "p")
    node = deployed.node("a")
    assert "SECRET" not in repr(deployed.nodes)
    assert node.facts.require("queue") == "q"
    configured = deployed.configured(node)
    assert (configured("aws:region"), configured("aws:profile")) == ("us-east-1", None)
    assert deployed.numerai(node).token == ("ID", "HUSH")


class Engine:
    """Replaces the engine: answers for the stacks `one` and `two`, which have a node each."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def read_json(self, *arguments: str) -> Any:
        self.asked.append(arguments)
        stack = arguments[-1]
        if arguments[:2] == ("stack", "ls"):
            return [{"name": "organization/p/one"}, {"name": "two"}, {"name": "dev"}]
        name = {"one": "a", "two": "b"}[stack]
        if arguments[0] == "stack":
            return json.loads(json.dumps(OUTPUTS).replace('"a"', f'"{name}1"').replace("SECRET", f"SECRET-{stack}"))
        return {"aws:region": {"value": stack}, **KEYS}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "Pulumi.yaml").write_text("name: p\n")
    nodes = "\n".join(f"  {name}1: {{model: {name}, cloud: aws, source: m}}" for name in "ab")
    (tmp_path / "nodes.yaml").write_text(f"nodes:\n{nodes}\n{STACKS}\n")
    engine = Engine()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Pulumi, "find", classmethod(lambda _: type("", (), {"folder": tmp_path, **_methods(engine)})()))
    return engine


def _methods(engine: Engine) -> dict[str, Any]:
    return {"read_json": lambda _self, *arguments: engine.read_json(*arguments)}


def test_the_nodes_of_all_stacks_are_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = DeployedStack.read(None)
    assert list(deployed.nodes) == ["a1", "b1"]
    assert {"https://h/pred/m?token=SECRET-one", "https://h/pred/m?token=SECRET-two"} <= deployed.secrets()
    assert not [arguments for arguments in engine.asked if "later" in arguments]
    opened: list[str | None] = []

    class Cloud:
        def open_account(self, configured: Any, _region: str) -> Any:
            opened.append(configured("aws:region"))
            return type("Account", (), {"node": lambda _self, facts: facts.name})()

    monkeypatch.setattr("pnodes.deployed.accounts.find_cloud", lambda _: Cloud())
    accounts = Accounts(deployed)
    names: list[Any] = [accounts.of(node) for _ in range(2) for node in deployed.nodes.values()]
    assert names == ["a1", "b1", "a1", "b1"]
    assert opened == ["one", "two"]


def test_a_named_stack_is_read_alone(engine: Engine) -> None:
    assert list(DeployedStack.read("two").nodes) == ["b1"]
    assert len(engine.asked) == 2


def test_an_unknown_node_names_those_of_all_stacks(engine: Engine) -> None:
    with pytest.raises(UserError, match=r'no node "c1".*It has: a1, b1'):
        DeployedStack.read(None).node("c1")


def test_a_node_knows_its_rescue_which_is_set_up_as_the_node_is() -> None:
    facts = OUTPUTS["nodes"]["a"]
    outputs = {
        "nodes": {"a": facts, "a-rescue": {**facts, "cloud": "gcp", "rescues": "a"}},
        "webhooks": {"a": "https://h/pred/m?token=SECRET", "a-rescue": "https://g/pred/m?token=OTHER"},
        "settings": {"a": {"enabled": False}},
    }
    deployed = DeployedStack([(outputs, KEYS)], "p")
    node, rescue = deployed.node("a"), deployed.node("a-rescue")
    assert (node.rescue, node.rescues, rescue.rescue, rescue.rescues) == (rescue, "", None, "a")
    assert (rescue.facts.cloud, rescue.enabled) == ("gcp", False)
    assert "rescues" not in rescue.facts.names
