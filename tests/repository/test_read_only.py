"""This project changes nothing at Numerai but the webhooks of models: it cannot stake, withdraw or edit a profile.

The product's own GraphQL documents and its calls of numerapi are read from the source, and the client is given every
mutation that numerapi knows. What the sandbox's Numerai refuses is in tests/sandbox/numerai/test_scores.py.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT
from providers.numerai.client import Client, NumeraiRefused
from providers.numerai.keys import Keys
from tests.providers.numerai.wire import Wire
from tests.repository.imports import list_tracked
from tests.sandbox.numerai.documents import list_documents

PRODUCT = ("nodefile", "trigger", "providers", "pnodes", "policies", "__main__.py", "numerai.py")
# The program in the image of a pickle. It is the node's model, which submits.
RUNNER = "providers/images/pickled/run.py"
WEBHOOKS = {"setSubmissionWebhook", "triggerModelWebhook"}


def parse_product() -> dict[str, ast.Module]:
    paths = [path for path in list_tracked() if path.endswith(".py") and path.partition("/")[0] in PRODUCT]
    return {path: ast.parse((ROOT / path).read_text(encoding="utf-8")) for path in paths}


def find_changing_methods() -> set[str]:
    """Return numerapi's methods that send a mutation or call such a method, and those for staking on the chain."""
    calls: dict[str, set[str]] = {}
    changing = set()
    for file in importlib.metadata.files("numerapi") or []:
        if file.suffix != ".py" or file.parent.name != "numerapi" or file.name == "cli.py":
            continue
        for node in ast.walk(ast.parse(Path(str(file.locate())).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                inner = list(ast.walk(node))
                calls[node.name] = {call.attr for call in inner if isinstance(call, ast.Attribute)}
                texts = [text.value for text in inner if isinstance(text, ast.Constant) and isinstance(text.value, str)]
                if node.name.startswith("v3_stake") or any(text.strip().startswith("mutation") for text in texts):
                    changing.add(node.name)
    while more := {name for name, called in calls.items() if called & changing} - changing:
        changing |= more
    return changing


def list_mutations(tree: ast.Module) -> list[str]:
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for text in texts if re.match(r"\s*mutation\b", text)]


def test_numerapis_changing_methods_are_found() -> None:
    found = find_changing_methods()
    assert found >= {"stake_change", "stake_increase", "stake_drain", "set_bio", "upload_predictions", "model_upload"}
    assert "get_leaderboard" not in found


def test_the_product_contains_no_mutation_but_those_of_webhooks() -> None:
    mutations = {path: found for path, tree in parse_product().items() if (found := list_mutations(tree))}
    assert mutations.keys() == {"providers/numerai/client.py"}
    fields = {re.findall(r"{\s*(\w+)", text)[0] for texts in mutations.values() for text in texts if "{" in text}
    assert fields <= WEBHOOKS


def test_the_product_calls_none_of_numerapis_changing_methods_but_the_webhooks() -> None:
    changing, used = find_changing_methods(), set()
    for path, tree in parse_product().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in changing:
                used.add((path, node.attr))
    assert used == {("providers/numerai/client.py", "set_submission_webhook"), (RUNNER, "upload_predictions")}


def test_only_two_modules_speak_to_numerai() -> None:
    speaking = set()
    for path, tree in parse_product().items():
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        names |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        if "numerapi" in names or any("api-tournament" in str(text) for text in texts if len(str(text)) < 80):
            speaking.add(path)
    assert speaking - {"pnodes/local/guard/numerapi_guard.py", RUNNER} == {
        "providers/numerai/client.py",
        "trigger/numerai_api.py",
    }


@pytest.mark.parametrize("text", [text for text in list_documents() if text.startswith("mutation")])
def test_the_client_sends_no_mutation_but_those_of_webhooks(wire: Wire, text: str) -> None:
    wire.answers = [{"data": {}}]
    client = Client(Keys("PUBLIC", "SECRET"), pause=0)
    if any(name in text for name in WEBHOOKS):
        client.raw_query(text, authorization=True)
        assert len(wire.asked) == 1
        return
    with pytest.raises(NumeraiRefused, match="changes nothing at Numerai but webhooks"):
        client.raw_query(text, authorization=True)
    assert wire.asked == []


def test_a_mutation_hidden_beside_a_webhook_is_not_sent(wire: Wire) -> None:
    texts = [text for text in list_documents() if "setSubmissionWebhook" in text]
    for hidden in ('setSubmissionWebhook(modelId: "m") releaseStake(drain: true) { id }', "releaseStake { id }"):
        with pytest.raises(NumeraiRefused):
            Client().raw_query(f"mutation {{ {hidden} }}")
        with pytest.raises(NumeraiRefused):
            Client().raw_query(f"{texts[0]} mutation Second {{ {hidden} }}")
    assert wire.asked == []
