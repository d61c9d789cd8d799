"""What the engine says when a stack cannot be read, and what to do about it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from pnodes.deployed import stack
from pnodes.deployed.stack import Stack
from pnodes.engine import Engine
from pnodes.engine.version import Version
from pnodes.errors import UserError

OUTPUTS: dict[str, Any] = {
    "nodes": {"a": {"cloud": "aws", "region": "r", "tournament": "classic", "model_id": "m", "job": "j", "queue": "q"}},
    "webhooks": {"a": "https://h/pred/m?token=SECRET"},
}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error: no stack selected; please use `pulumi stack select`", "No stack is selected"),
        ("error: no stack named 'x' found", "There is no such stack"),
        (
            "error: getting secrets: passphrase must be set with PULUMI_CONFIG_PASSPHRASE",
            "The stack's secrets are closed",
        ),
        ("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", "`pulumi login`"),
        ("warning: x\nerror: something else", "`pulumi stack output` failed: something else"),
    ],
)
def test_the_engine_s_errors_are_sentences(monkeypatch: pytest.MonkeyPatch, said: str, sentence: str) -> None:
    monkeypatch.setattr(stack, "engine", lambda: Engine(Path("/bin/pulumi"), Version(3, 259, 0), "PATH"))
    failed = subprocess.CompletedProcess([], 255, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_named: failed)
    with pytest.raises(UserError) as caught:
        stack.ask(["stack", "output", "--json", "--show-secrets"])
    assert sentence in str(caught.value)


def test_webhooks_and_keys_are_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"p:numerai-public-id": {"value": "ID"}, "p:numerai-secret": {"value": "HUSH", "secret": True}}
    found = Stack(OUTPUTS, {"aws:region": {"value": "us-east-1"}, **keys}, "p")
    assert "SECRET" not in repr(found.nodes)
    assert found.node("a").facts.named("queue") == "q"
    assert (found.configured("aws:region"), found.configured("aws:profile")) == ("us-east-1", None)
    assert found.numerai(None).token == ("ID", "HUSH")
