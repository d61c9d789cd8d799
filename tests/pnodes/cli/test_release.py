"""Which of a preview's changes a release makes: the node's and the shared ones, no other node's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pnodes.cli.release import short, targets
from pnodes.errors import UserError
from tests.pnodes_command import Pnodes

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
ALPHA = "urn:pulumi:dev::p::prediction-nodes:aws:PredictionNode::alpha"
BETA = "urn:pulumi:dev::p::prediction-nodes:aws:PredictionNode::beta"
CLUSTER = "urn:pulumi:dev::p::prediction-nodes:aws:Cluster::aws-us-east-1"


def step(urn: str, op: str = "update", parent: str = STACK, state: str = "newState") -> dict[str, Any]:
    return {"urn": urn, "op": op, state: {"parent": parent}}


def under(parent: str, kind: str, name: str) -> str:
    head = parent.rpartition("::")[0]
    return f"{head}${kind}::{name}"


TRIGGER = under(ALPHA, "prediction-nodes:aws:Trigger", "alpha")
FUNCTION = under(TRIGGER, "aws:lambda/function:Function", "alpha")
WEBHOOK = "urn:pulumi:dev::p::pulumi-python:prediction-nodes/Webhook:Webhook::alpha"
SCAFFOLD = [step(STACK, "same", ""), step(ALPHA, "same"), step(BETA, "same"), step(TRIGGER, "same", ALPHA)]


def project(folder: Path) -> None:
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (folder / "m").mkdir()
    (folder / "m" / "Dockerfile").write_text("FROM python\n")
    model = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
    (folder / "nodes.yaml").write_text(f"nodes:\n  alpha: {{model: {model}, cloud: aws, source: m}}\n")


def test_a_node_s_own_changes_are_those_under_its_component_and_its_webhook() -> None:
    job = under(BETA, "aws:batch/jobDefinition:JobDefinition", "alpha-2")
    other = WEBHOOK.replace("::alpha", "::beta")
    steps = [*SCAFFOLD, step(FUNCTION, parent=TRIGGER), step(job, parent=BETA), step(WEBHOOK), step(other)]
    assert targets(steps, "alpha") == {FUNCTION: "update", WEBHOOK: "update"}


def test_what_nodes_share_is_made_and_updated_but_not_removed() -> None:
    made, gone = under(CLUSTER, "aws:ec2/vpc:Vpc", "a"), under(CLUSTER, "aws:ec2/vpc:Vpc", "b")
    steps = [*SCAFFOLD, step(CLUSTER, "create"), step(made, "create", CLUSTER)]
    steps.append(step(gone, "delete", CLUSTER, "oldState"))
    assert targets(steps, "alpha") == {CLUSTER: "create", made: "create"}


def test_what_the_node_no_longer_has_goes() -> None:
    old = under(ALPHA, "aws:scheduler/schedule:Schedule", "alpha")
    assert targets([*SCAFFOLD, step(old, "delete", ALPHA, "oldState")], "alpha") == {old: "delete"}


def test_another_new_node_is_refused() -> None:
    with pytest.raises(UserError, match="beta is new"):
        targets([step(STACK, "same", ""), step(ALPHA, "create"), step(BETA, "create")], "alpha")


def test_urns_are_short() -> None:
    assert short(FUNCTION) == "aws:lambda/function:Function alpha"


def test_a_node_that_the_file_does_not_have_is_a_sentence(
    pnodes: Pnodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = pnodes("release", "alpah")
    assert (result.exit_code, 'Did you mean "alpha"?' in result.stderr) == (2, True)
    assert pnodes("release", "alpha", "--json").exit_code == 2


ENGINE = """\
#!{python}
import json, pathlib, signal, sys, time

if sys.argv[1] == "preview":
    step = {{"urn": "{urn}", "op": "update", "newState": {{"parent": ""}}}}
    print(json.dumps({{"steps": [step]}}))
    sys.exit()
signal.signal(signal.SIGINT, lambda *_: None)
pathlib.Path("began").touch()
signal.pause()  # interrupted: what is under way is brought to its end, and the state written
time.sleep(1)
pathlib.Path("tidy").touch()
sys.exit(1)
"""


def test_ctrl_c_leaves_the_engine_the_time_to_end_tidily(tmp_path: Path) -> None:
    project(tmp_path)
    fake = tmp_path / "pulumi"
    fake.write_text(ENGINE.format(python=sys.executable, urn=ALPHA))
    fake.chmod(0o755)
    code = (
        "import pathlib; from pnodes.cli import main, release; from pnodes.deployed import stack; "
        "from pnodes.engine.locate import Engine; "
        f"stack.engine = release.engine = lambda: Engine(pathlib.Path({str(fake)!r}), 'v', 'a stand-in'); "
        "main.run()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "release", "alpha", "--yes"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "began").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (tmp_path / "tidy").exists(), said
    assert "Traceback" not in said
    assert process.returncode == 1
