"""Planted keys do not leak in any form: into state, plans, stack file, archives, images, logs, the output
of commands or the comment on a pull request. The policy pack checks the same stack and reports no violation.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import uuid

import pytest

from tests.e2e.nodes import node, nodes
from tests.e2e.planted import Planted, forms
from tests.e2e.world import IDS, PACK, ROOT, MakeWorld, World

pytestmark = pytest.mark.e2e
# Looks different in each form. Its account registers no webhook, so Numerai never gets it.
MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c99"
VENDOR = "vendor's token, with quotes & more: 0123456789"
OWN = 'own "key"/of+another & account: \\'


def pnodes(world: World, *arguments: str) -> str:
    """Run a command; return both of its output streams, whatever its exit code."""
    process = subprocess.run(
        [sys.executable, "-c", "from pnodes.cli.main import run; run()", *arguments],
        cwd=world.project,
        env={**world.cli.env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in process.stderr, process.stderr
    return process.stdout + process.stderr


def test_no_key_and_no_token_is_written_down(make_world: MakeWorld) -> None:
    other = "account: fund\nregister: false"
    own = "secrets: [VENDOR_TOKEN]"
    three = [
        node("a1", "aws", extra=own), node("g1", "gcp", "signals", extra=own), node("z1", "azure", "crypto", extra=own),
    ]  # fmt: skip
    world = make_world(nodes(*three, node("own", "aws", extra=other).replace(IDS["classic"], MODEL)))
    keys = {name: world.daemon["numerai"][name] for name in ("public_id", "secret_key")}
    settings = {"numerai-public-id": keys["public_id"], "numerai-secret": keys["secret_key"]}
    settings |= {"numerai-public-id-fund": f"id of {OWN}", "numerai-secret-fund": OWN, "VENDOR_TOKEN": VENDOR}
    for name, value in settings.items():
        world.cli.run("config", "set", "--secret", name, stdin=value)
    for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        del world.cli.env[name]

    plan = world.project / "plan.json"
    world.cli.env["PULUMI_EXPERIMENTAL"] = "true"
    preview = world.cli.run("preview", "--diff", "--save-plan", str(plan), *PACK)
    up = world.cli.run("up", "--yes", "--skip-preview", "--diff", *PACK)
    for text in (preview, up):
        assert "Policy Packs run" in text
        assert "Policy Violations" not in text
    printed = {"preview": preview, "up": up}
    outputs = world.cli.outputs()
    for url in outputs["webhooks"].values():
        assert world.call(url, str(uuid.uuid4())).status_code == 202
    world.finished(4)

    tokens = {f"the token of {name}": url.split("token=")[1] for name, url in outputs["webhooks"].items()}
    state = json.loads(world.cli.run("stack", "export", "--show-secrets"))["deployment"]["resources"]
    (made,) = [each for each in state if each["urn"].endswith("WebhookKey::webhook-key")]
    key = json.loads(made["outputs"]["key"]["plaintext"])
    planted = Planted(
        {**keys, **tokens, "another account's key": OWN, "a model's secret": VENDOR, "the webhook key": key}
    )
    assert planted.within(json.dumps(outputs)), "nothing is found where everything is shown"

    world.nodes(nodes(*three[1:], node("a1", "aws", extra=f"size: gen-md\nenv: {{EXTRA: one}}\n{own}")))
    edit = world.project / "edit.json"
    edit.write_text(world.cli.run("preview", "--json", "--save-plan", str(plan.with_name("edit-plan.json"))))
    printed |= {
        "preview of an edit": edit.read_text(),
        "analysis of the state": world.cli.run("policy", "analyze", *PACK),
        "stack": world.cli.run("stack"),
        "outputs": world.cli.run("stack", "output", "--json"),
        "export": world.cli.run("stack", "export"),
        "history": world.cli.run("stack", "history", "--json"),
        "config": world.cli.run("config"),
        "diff": pnodes(world, "diff", "--plan", str(edit)),
        "diff --json": pnodes(world, "diff", "--plan", str(edit), "--json"),
        "the comment on a pull request": pnodes(world, "diff", "--plan", str(edit), "--markdown"),
        "status": pnodes(world, "status"),
        "logs": pnodes(world, "logs", "a1"),
        "logs of the trigger": pnodes(world, "logs", "a1", "--trigger"),
        "the sandbox's log": (world.home / "daemon.log").read_text(),
    }
    assert "a1" in printed["the comment on a pull request"]
    assert {place: planted.within(text) for place, text in printed.items() if planted.within(text)} == {}
    places = {
        "state": world.cli.folder / ".state",
        "job logs": world.home / "runs",
        "functions and their logs": world.home / "functions",
        "images": world.home / "images",
        "the project, with plans and the stack's file": world.project,
    }
    assert {place: planted.under(folder) for place, folder in places.items() if planted.under(folder)} == {}
    assert plan.stat().st_size > 0


@pytest.mark.parametrize("text", [f"{OWN} €", "K7" * 32])
def test_every_form_is_found(text: str) -> None:
    planted = Planted({"it": text})
    for how, form in forms(text):
        assert f"it {how}" in planted.within(b"before " + form + b" after")
    for before in range(4):
        assert planted.within(base64.b64encode(b"x" * before + text.encode() + b"more"))
        assert planted.within(base64.urlsafe_b64encode(b"x" * before + text.encode() + b"more"))
    assert planted.within("something else") == []
