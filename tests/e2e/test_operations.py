"""The day-to-day commands on all three clouds: a node each, by the commands that a person types."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.test_life import node, nodes
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
MakeWorld = Callable[[str], World]
# Submits Numerai's own example predictions, with nothing to install. FAIL and SLEEP are set in nodes.yaml.
MODEL = """\
import json, os, sys, threading, urllib.request

def ask(query, **variables):
    key = f"Token {os.environ['NUMERAI_PUBLIC_ID']}${os.environ['NUMERAI_SECRET_KEY']}"
    headers = {"Authorization": key, "Content-Type": "application/json"}
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request("https://api-tournament.numer.ai", body, headers)
    answer = json.load(urllib.request.urlopen(request))
    assert "errors" not in answer, answer
    return answer["data"]

print("predicting", os.environ["NODE_NAME"], flush=True)
if os.environ.get("FAIL"):
    sys.exit("the model's own failure")
if os.environ.get("SLEEP"):
    threading.Event().wait()
model, trigger = os.environ["MODEL_ID"], os.environ.get("TRIGGER_ID")
url = ask('{dataset(filename: "v5.3/live_example_preds.csv", tournament: 8)}')["dataset"]
data = urllib.request.urlopen(url).read()
place = ask(
    "query($m: String!) {submission_upload_auth(filename: \\"p.csv\\", tournament: 8, modelId: $m) {filename url}}",
    m=model,
)["submission_upload_auth"]
urllib.request.urlopen(urllib.request.Request(place["url"], data, method="PUT"))
ask(
    "mutation($f: String!, $m: String!, $t: String) {"
    "create_submission(filename: $f, tournament: 8, modelId: $m, triggerId: $t) {id}}",
    f=place["filename"], m=model, t=trigger,
)
print("submitted", flush=True)
"""
CLOUDS = ("aws", "gcp", "azure")


class Person:
    """Somebody at a shell of the project, in the sandbox's environment."""

    def __init__(self, world: World) -> None:
        self.world = world

    def pnodes(self, *arguments: str, code: int = 0) -> str:
        """A command's standard output; its exit code has to be this one."""
        done = subprocess.run(
            [sys.executable, "-c", "from pnodes.cli.main import run; run()", *arguments],
            cwd=self.world.project,
            env={**self.world.cli.env, "PYTHONPATH": ":".join(sys.path), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said.replace('Traceback (most recent call last):\n  File "/app', "")
        for secret in (self.world.daemon["numerai"]["secret_key"], "token=", "ya29.", "eyJ0eXAi"):
            assert secret not in said
        self.said = said
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """A command's JSON."""
        return json.loads(self.pnodes(*arguments, "--json", code=code))


def models(world: World) -> list[dict[str, Any]]:
    found = world.control.get("/models").json()["models"]
    return [model for model in found if model["tournament"] == "classic" and model["account"] == "sandbox_user"]


def spread(world: World, **extra: str) -> str:
    """One classic node per cloud, each with a model of its own."""
    ids = [model["id"] for model in models(world)]
    texts = []
    for cloud, model_id in zip(CLOUDS, ids, strict=False):
        text = node(f"on-{cloud}", cloud, extra=extra.get(cloud, ""))
        lines = [f"    model: {model_id}" if line.strip().startswith("model:") else line for line in text.splitlines()]
        texts.append("\n".join(lines) + "\n")
    return nodes(*texts)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    made = make_world("nodes: {}\n")
    made.model("quick", MODEL)
    made.nodes(spread(made))
    made.cli.up()
    return made


def test_a_day_with_three_nodes(world: World) -> None:
    person = Person(world)
    names = [f"on-{cloud}" for cloud in CLOUDS]
    assert "never ran" in person.pnodes("status")

    found = person.json("test", *names)["nodes"]
    assert [each["passed"] for each in found] == [True, True, True]
    assert all(step["passed"] for each in found for step in each["steps"])

    document = person.json("status")
    for each in document["nodes"]:
        assert (each["run"]["state"], each["run"]["round"], each["submission_of_this_run"]) == (
            "SUCCEEDED",
            "test",
            True,
        )
    assert document["rounds"]["classic"]["number"]
    table = person.pnodes("status")
    assert table.count("SUCCEEDED") == 3
    assert table.count("of this run") == 3

    started = person.json("trigger", "on-azure")
    assert started["status"] == "started"
    world.finished(4)
    newest = next(each for each in person.json("status")["nodes"] if each["name"] == "on-azure")
    assert (newest["run"]["id"], newest["run"]["trigger_id"]) == (started["job"], None)
    assert newest["submission"]["triggerId"] is None

    for name in names:
        assert person.pnodes("logs", name).splitlines() == [f"predicting {name}", "submitted"]
        assert "POST pred -> 202 started" in person.pnodes("logs", name, "--trigger")


def test_what_goes_wrong_is_told_with_its_step_and_its_lines(world: World) -> None:
    person = Person(world)
    world.nodes(spread(world, **dict.fromkeys(CLOUDS, "env: {FAIL: '1'}")))
    world.cli.up()
    names = [f"on-{cloud}" for cloud in CLOUDS]
    shown = person.pnodes("test", *names, code=1)
    for name in names:
        assert f"stopped {name} at step 4 of 4, submission carries the trigger id" in shown
    assert shown.count("the job failed: ") == 3
    assert shown.count("the model's own failure") == 3
    assert "the model's own failure" in person.pnodes("logs", "on-aws", code=1)

    world.nodes(spread(world, **dict.fromkeys(CLOUDS, "enabled: false")))
    world.cli.up()
    shown = person.pnodes("test", "on-gcp", code=1)
    assert "stopped on-gcp at step 1 of 4, webhook reached" in shown
    assert "disabled in nodes.yaml" in shown

    person.pnodes("test", "on-gpc", code=2)
    assert 'Did you mean "on-gcp"?' in person.said


def test_one_node_is_released_while_the_others_wait_and_sleeping_jobs_are_stopped(world: World) -> None:
    person = Person(world)
    world.nodes(spread(world, **dict.fromkeys(CLOUDS, "env: {SLEEP: '1'}")))
    person.pnodes("release", "on-gcp", "--yes")
    changed = world.cli.steps()
    assert {urn.split("::")[1] for urn in changed} == {"on-aws", "on-azure"}, changed

    world.cli.up()
    for name in (f"on-{cloud}" for cloud in CLOUDS):
        job = person.json("trigger", name)["job"]
        (ended,) = person.json("stop", name)["runs"]
        assert (ended["id"], ended["state"]) == (job, "CANCELLED")
        person.pnodes("stop", name, code=1)
        assert f"No run of {name} is under way." in person.said
    assert {each["run"]["state"] for each in person.json("status")["nodes"]} == {"CANCELLED"}
