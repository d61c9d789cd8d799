"""Runs the job of a workflow file as GitHub does: its `run` steps in order, with GitHub's files and contexts.

Third-party actions are not run: the runner records their names and inputs, and the test supplies the environment
variables that they would set. Actions of this repository are run like the workflow itself.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.pnodes.ci.expressions import fill, value
from tests.pnodes.ci.stand_in import TOKEN

Action = Callable[[str, Mapping[str, str]], Mapping[str, str]]


@dataclass
class Result:
    """The result of a job. `used`: third-party actions with their inputs; `steps`: outcome and outputs by id."""

    failed: bool = False
    log: str = ""
    summary: str = ""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    steps: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """GitHub's input besides the file: repository variables and secrets, the event and its inputs, the runner."""

    folder: Path
    scratch: Path
    env: Mapping[str, str]
    event: Mapping[str, Any]
    event_name: str
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    api: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    action: Action = lambda _uses, _inputs: {}


def run(file: str, given: Given) -> Result:
    """Run the only job of a workflow file."""
    workflow = yaml.safe_load((given.folder / ".github" / "workflows" / file).read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    result = Result()
    contexts = _contexts(given, result, {})
    if not value(str(job.get("if", "true")), contexts, _functions(given, result)):
        result.log = "skipped"
        return result
    given.scratch.mkdir(parents=True, exist_ok=True)
    (given.scratch / "event.json").write_text(json.dumps(given.event))
    result.env = {name: fill(str(text), contexts, {}) for name, text in job.get("env", {}).items()}
    for step in job["steps"]:
        _step(step, given, result, {})
    return result


def _step(step: Mapping[str, Any], given: Given, result: Result, inputs: Mapping[str, str]) -> None:
    contexts, functions = _contexts(given, result, inputs), _functions(given, result)
    condition = str(step.get("if", "success()")).removeprefix("${{").removesuffix("}}")
    if "()" not in condition:
        condition = f"success() && ({condition})"
    if not value(condition, contexts, functions):
        return
    own = {name: fill(str(text), contexts, functions) for name, text in step.get("env", {}).items()}
    outcome = "success"
    outputs: dict[str, str] = {}
    if "run" in step:
        outcome, outputs = _shell(step, given, result, own, contexts)
    else:
        asked = {name: fill(str(text), contexts, functions) for name, text in step.get("with", {}).items()}
        uses = str(step["uses"])
        if uses.startswith("./"):
            action = yaml.safe_load((given.folder / uses / "action.yml").read_text(encoding="utf-8"))
            for inner in action["runs"]["steps"]:
                _step(inner, given, result, asked)
        else:
            result.used.append((uses.split("@", 1)[0], asked))
            result.env.update(given.action(uses.split("@", 1)[0], asked))
    result.failed |= outcome == "failure"
    if "id" in step:
        result.steps[step["id"]] = {"outcome": outcome, "outputs": outputs}


def _shell(
    step: Mapping[str, Any], given: Given, result: Result, own: Mapping[str, str], contexts: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    assert "${{" not in step["run"], "an expression in a script is an injection: it belongs into env"
    files = {name: given.scratch / name for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.write_text("")
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") == "bash" else ["bash", "-e"]
    environment = {
        **given.env,
        **result.env,
        **own,
        **{name: str(path) for name, path in files.items()},
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": given.api,
        "GITHUB_EVENT_NAME": given.event_name,
        "GITHUB_EVENT_PATH": str(given.scratch / "event.json"),
        "GITHUB_REPOSITORY": contexts["github"]["repository"],
        "GITHUB_RUN_ID": contexts["github"]["run_id"],
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": contexts["github"]["sha"],
    }
    script = given.scratch / "step.sh"
    script.write_text(step["run"])
    done = subprocess.run(
        [*shell, str(script)],
        cwd=given.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    result.ran.append(step["run"].strip())
    result.log += done.stdout
    result.summary += files["GITHUB_STEP_SUMMARY"].read_text()
    result.env.update(_pairs(files["GITHUB_ENV"]))
    return ("failure" if done.returncode else "success"), _pairs(files["GITHUB_OUTPUT"])


def _pairs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def _contexts(given: Given, result: Result, inputs: Mapping[str, str]) -> dict[str, Any]:
    return {
        "vars": given.variables,
        "secrets": given.secrets,
        "env": result.env,
        "steps": result.steps,
        "inputs": inputs or given.inputs,
        "runner": {"os": "Linux"},
        "github": {
            "token": TOKEN,
            "repository": "someone/prediction-nodes",
            "run_id": "4242",
            "sha": "0" * 40,
            "event": given.event,
            "event_name": given.event_name,
            "ref": "refs/heads/main",
        },
    }


def _functions(given: Given, result: Result) -> dict[str, Callable[..., Any]]:
    return {
        "success": lambda: not result.failed,
        "failure": lambda: result.failed,
        "always": lambda: True,
        "cancelled": lambda: False,
        "contains": lambda text, part: part in (text or ""),
        "hashFiles": lambda name: hashlib.sha256((given.folder / name).read_bytes()).hexdigest(),
    }
