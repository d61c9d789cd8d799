"""The steps of the demo and its exit code, with stand-ins for the engine and the control API."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from typer.testing import CliRunner, Result

from pnodes.cli.main import app
from pnodes.engine.locate import Engine
from pnodes.engine.paths import ROOT
from pnodes.engine.version import MINIMUM
from pnodes.errors import UserError
from providers.checks import list_notes, load_checked
from sandbox.cli import demo
from sandbox.cli import process as sandbox_process
from sandbox.cli.control import RunRecord, Submission, Trigger
from sandbox.cli.process import Daemon
from sandbox.place import STACK

Pnodes = Callable[..., Result]
SECRET = "TOPSECRET"


class World:
    """The sandbox, engine and control API that the demo uses; `done` records its calls."""

    def __init__(self, home: Path) -> None:
        self.daemon = Daemon(home, 1, "http://control", "127.0.0.1:1", {"aws": 2}, home / "ca.pem", {
            "public_id": "P", "secret_key": "S",
        })  # fmt: skip
        self.done: list[str] = []
        self.preview_fails = False
        self.environ: dict[str, str] = {}
        clouds = {"alice": "aws", "bob": "gcp", "carol": "azure"}
        self.outputs: dict[str, Any] = {
            "nodes": {n: {"model_id": f"m-{n}", "cloud": c, "size": "gen-sm"} for n, c in clouds.items()},
            "webhooks": {n: f"https://{c}.example/pred/m-{n}?token={SECRET}" for n, c in clouds.items()},
        }
        self.triggers = [Trigger(f"m-{n}", f"t-{n}", 202, 0.1, "started") for n in clouds]
        self.runs = [RunRecord(c, n, f"r-{n}", "SUCCEEDED", "", f"t-{n}", 1.0, 2.0, 5.0) for n, c in clouds.items()]
        self.submissions = [Submission(f"m-{n}", f"t-{n}", 7, 100, "classic") for n in clouds]

    # the sandbox
    def start(self, home: Path) -> Daemon:
        self.done.append("start")
        return self.daemon

    def status(self) -> dict[str, Any]:
        return {"executor": "container", "executor_reason": "an engine works here"}

    # the engine
    def read(self, _stack: str, command: str, *options: str) -> str:
        self.done.append(command)
        return ""

    def read_json(self, *arguments: str) -> dict[str, Any]:
        return self.outputs

    def show(self, command: str, *options: str) -> None:
        self.done.append(command)
        if self.preview_fails:
            raise UserError("`pulumi preview` ended with exit code 1; what it said is above.")

    # the control API
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def open_round(self) -> tuple[int, list[Trigger]]:
        self.done.append("round")
        return 7, self.triggers

    def list_runs(self) -> list[RunRecord]:
        return self.runs

    def list_submissions(self) -> list[Submission]:
        return self.submissions

    def read_log(self, run_id: str) -> str:
        return f"log of {run_id}\n"


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(home)

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(demo, "ensure", lambda say: Engine(Path("/engine/bin/pulumi"), MINIMUM, "PATH"))
    monkeypatch.setattr(demo, "Pulumi", lambda *_: world)
    monkeypatch.setattr(demo, "Control", lambda address: world)
    monkeypatch.setattr(demo, "show_hardship", lambda *_: world.done.append("hardship"))
    monkeypatch.setattr(demo, "_LATE_SECONDS", -1.0)
    monkeypatch.setattr(sandbox_process, "start", world.start)
    monkeypatch.setattr(sandbox_process, "stop", lambda home: world.done.append("stop"))
    monkeypatch.setattr(sandbox_process, "wipe", lambda home: world.done.append("wipe"))
    return world


def test_the_steps_in_order(pnodes: Pnodes, world: World) -> None:
    result = pnodes("demo")
    assert result.exit_code == 0, result.stdout
    assert world.done == ["stop", "wipe", "start", "select", "preview", "up", "round", "hardship"]
    assert "All 3 nodes submitted" in result.stdout
    assert "still running" in result.stdout
    assert "sandbox env)" in result.stdout
    assert SECRET not in result.stdout


def test_kept_state_is_not_wiped(pnodes: Pnodes, world: World) -> None:
    result = pnodes("demo", "--keep")
    assert result.exit_code == 0, result.output
    assert world.done[0] == "start"


def test_in_ci_the_sandbox_is_stopped_at_the_end(pnodes: Pnodes, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = pnodes("demo")
    assert result.exit_code == 0, result.output
    assert world.done[-1] == "stop"
    assert "still running" not in result.stdout


def test_a_failed_job_shows_its_log(pnodes: Pnodes, world: World) -> None:
    world.runs[1] = replace(world.runs[1], state="FAILED", reason="out of memory")
    result = pnodes("demo")
    assert result.exit_code == 1, result.output
    assert "out of memory; the job's last lines:" in result.stdout
    assert "log of r-bob" in result.stdout
    assert "log of r-alice" not in result.stdout
    assert result.stderr.endswith("have a failed job, or no submission with the right trigger id: bob.\n")


def test_a_submission_of_another_trigger_does_not_count(pnodes: Pnodes, world: World) -> None:
    world.submissions[0] = replace(world.submissions[0], trigger_id="t-bob")
    result = pnodes("demo")
    assert result.exit_code == 1, result.output
    assert result.stderr.endswith("trigger id: alice.\n")


def test_a_refused_webhook_shows_its_answer(pnodes: Pnodes, world: World) -> None:
    world.triggers[2] = replace(world.triggers[2], status=500, answer="the job could not be started")
    world.runs.pop()
    world.submissions.pop()
    result = pnodes("demo")
    assert result.exit_code == 1, result.output
    assert "refused (500)" in result.stdout
    assert "the job could not be started" in result.stdout


def test_a_run_that_never_ends_is_left_at_the_deadline(pnodes: Pnodes, world: World) -> None:
    world.runs[0] = replace(world.runs[0], state="RUNNING", stopped=None)
    world.submissions.pop(0)
    result = pnodes("demo", "--timeout", "-1")
    assert result.exit_code == 1, result.output
    assert "alice: RUNNING" in result.stdout


def test_a_preview_that_fails_ends_the_demo(pnodes: Pnodes, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    world.preview_fails = True
    result = pnodes("demo")
    assert result.exit_code == 1, result.output
    assert world.done[-2:] == ["preview", "stop"]
    assert result.stderr == "error: `pulumi preview` ended with exit code 1; what it said is above.\n"


def test_the_examples_in_nodes_yaml_need_no_notes() -> None:
    assert list_notes(load_checked(ROOT / "nodes.yaml")) == {}


@pytest.fixture
def deployed(home: Path) -> Path:
    """A sandbox with a stack, and the folder of the engine's locks."""
    locks = home / "state" / ".pulumi" / "locks" / "organization" / "prediction-nodes" / STACK
    locks.mkdir(parents=True)
    return locks


def test_a_deployed_sandbox_is_not_wiped_without_a_word(pnodes: Pnodes, world: World, deployed: Path) -> None:
    result = pnodes("demo")
    assert result.exit_code == 2, result.output
    assert "`pnodes demo --fresh` empties it, `pnodes demo --keep` keeps it" in result.stderr
    assert world.done == []


@pytest.mark.parametrize(("answer", "done"), [("y", ["stop", "wipe", "start"]), ("n", [])])
def test_in_a_terminal_the_demo_asks(
    world: World, deployed: Path, monkeypatch: pytest.MonkeyPatch, answer: str, done: list[str]
) -> None:
    monkeypatch.setattr(demo, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    result = CliRunner().invoke(app, ["demo"], input=f"{answer}\n")
    assert "Delete everything in it?" in result.output
    assert world.done[:3] == done


def test_fresh_wipes_without_asking(pnodes: Pnodes, world: World, deployed: Path) -> None:
    assert pnodes("demo", "--fresh").exit_code == 0
    assert world.done[:3] == ["stop", "wipe", "start"]


def test_a_sandbox_with_a_running_update_is_never_wiped(pnodes: Pnodes, world: World, deployed: Path) -> None:
    (deployed / "5cd0e2a1.json").write_text("{}")
    result = pnodes("demo", "--fresh")
    assert result.exit_code == 1, result.output
    assert "An update of the sandbox's stack is running" in result.stderr
    assert world.done == []
