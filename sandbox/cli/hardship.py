"""The demo's last step: a round whose webhooks are lost, while a cloud is down and a job crashes.

Two nodes with a model that only submits are deployed as a stack of their own, and removed afterwards. The watch starts
the one whose webhook is lost, and again after its crash. The other one's cloud is down, so another cloud rescues it.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pnodes import project
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option
from sandbox.cli.control import Control, RunRecord
from sandbox.place import STACK

HARD_STACK = "hardship"
TITLE = "Two more nodes: lose a webhook, crash a job, take a cloud down (20 seconds)"
DOWN, RESCUER = "aws", "gcp"
CRASH = "its machine was lost"
_MODEL = Path(__file__).with_name("hardship_model.py")
_DOCKERFILE = 'FROM python:3.12-slim\nCOPY predict.py .\nCMD ["python", "predict.py"]\n'
_NODES = """\
defaults: {{tournament: classic, source: model, watch: {{after: 1s}}}}
nodes:
  delta: {{model: {}, cloud: aws, rescue: {{cloud: gcp, after: 2s}}}}
  epsilon: {{model: {}, cloud: gcp}}
"""
_SECONDS, _PAUSE = 120, 1.0
_MINUTE = 55
"""A minute of the hour in which the watches look."""
Say = Callable[[str], None]


def write_project(folder: Path, models: list[str]) -> None:
    """Write a project with both nodes."""
    (folder / "model").mkdir(parents=True, exist_ok=True)
    own = project.project_folder()
    shutil.copy(own / "__main__.py", folder)
    text = (own / "Pulumi.yaml").read_text(encoding="utf-8")
    (folder / "Pulumi.yaml").write_text(text.replace("virtualenv: .venv", f"virtualenv: {sys.prefix}"), "utf-8")
    shutil.copy(own / f"Pulumi.{STACK}.yaml", folder / f"Pulumi.{HARD_STACK}.yaml")
    (folder / "nodes.yaml").write_text(_NODES.format(*models), "utf-8")
    shutil.copy(_MODEL, folder / "model" / "predict.py")
    (folder / "model" / "Dockerfile").write_text(_DOCKERFILE, "utf-8")


def show_hardship(pulumi: Pulumi, control: Control, say: Say) -> None:
    """Deploy both nodes, open the round, and say what happens until both have submitted. Raises UserError."""
    free = control.list_free_models("classic")
    if len(free) < 2:
        say("This step is left out: nodes.yaml uses all Classic models of the sandbox.")
        return
    write_project(pulumi.folder, free[:2])
    pulumi.read("stack", "select", "--create", HARD_STACK)
    try:
        pulumi.read("up", "--yes", "--skip-preview", "--non-interactive", *stack_option(HARD_STACK))
        _run_round(control, dict(zip(free, ("delta", "epsilon"), strict=False)), say)
    finally:
        control.set_outage(DOWN, down=False)
        pulumi.read("destroy", "--yes", "--skip-preview", "--remove", *stack_option(HARD_STACK))
        shutil.rmtree(pulumi.folder)


def _run_round(control: Control, models: dict[str, str], say: Say) -> None:
    before = {run.run_id for run in control.list_runs()}
    control.set_outage(DOWN, down=True)
    control.order_crash(RESCUER, "epsilon", CRASH)
    number = control.open_lost_round("classic")
    say(f"Round {number} is open. No webhook arrives, AWS is down, and the first job of epsilon will crash.")
    told: set[str] = set()
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        control.tick(datetime.now(UTC).replace(minute=_MINUTE))
        runs = [run for run in control.list_runs() if run.run_id not in before]
        submitted = {each.model_id for each in control.list_submissions() if each.round == number}
        lines = [*map(_describe, runs), *(f"{name}: submitted" for id_, name in models.items() if id_ in submitted)]
        for line in lines:
            if line not in told:
                told.add(line)
                say(f"  {line}")
        if submitted >= models.keys() and all(run.ended for run in runs):
            say("Both nodes have submitted although no webhook came, a job crashed and a cloud was down.")
            return
        time.sleep(_PAUSE)
    raise UserError(f"Not all nodes have submitted round {number} within {_SECONDS} s: {sorted(told)}")


def _describe(run: RunRecord) -> str:
    """Return a line about a run's state."""
    rescued = "-rescue" in run.job
    what = "its rescue on Google Cloud" if rescued else "the watch's job"
    node = "delta" if rescued else "epsilon"
    if run.state == "FAILED":
        return f"{node}: {what} failed ({run.reason})"
    return f"{node}: {what} {'has succeeded' if run.state == 'SUCCEEDED' else 'runs'}"
