"""The workflow files: least permissions, no expression in a script, known and pinned actions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pnodes.engine.paths import ROOT

FOLDER = ROOT / ".github"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((FOLDER / "workflows").glob("*.yml"))}
ACTIONS = {path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("actions/*/action.yml"))}
# Action -> the inputs that the workflows pass to it.
KNOWN = {
    "actions/checkout": {"persist-credentials"},
    "actions/cache": {"path", "key"},
    "aws-actions/configure-aws-credentials": {"role-to-assume", "role-session-name", "aws-region"},
    "google-github-actions/auth": {"workload_identity_provider", "service_account"},
    "azure/login": {"client-id", "tenant-id", "subscription-id"},
    "pulumi/auth-actions": {"organization", "requested-token-type", "scope"},
}
CHECKOUTS: dict[str, dict[str, object]] = {
    "ci": {"fetch-depth": 0},
    # A preview, too, compares the content of images.
    **{name: {"lfs": True} for name in ("preview", "deploy", "drift")},
}
PERMISSIONS = {
    "audit": {"contents": "read"},
    "ci": {"contents": "read"},
    "nightly": {"contents": "read"},
    "preview": {"contents": "read", "id-token": "write", "pull-requests": "write"},
    "deploy": {"contents": "read", "id-token": "write"},
    "drift": {"contents": "read", "id-token": "write", "issues": "write"},
    "release": {"contents": "write"},
    "rounds": {"contents": "read", "id-token": "write", "issues": "write"},
}


def job(name: str) -> dict[str, Any]:
    (found,) = WORKFLOWS[name]["jobs"].values()
    return dict(found)


def steps() -> list[tuple[str, dict[str, Any]]]:
    of_workflows = [(name, step) for name in WORKFLOWS for step in job(name)["steps"]]
    return of_workflows + [(name, step) for name, action in ACTIONS.items() for step in action["runs"]["steps"]]


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
def test_a_workflow_may_do_only_what_it_does(name: str) -> None:
    assert WORKFLOWS.keys() == PERMISSIONS.keys()
    assert WORKFLOWS[name]["permissions"] == {}
    assert job(name)["permissions"] == PERMISSIONS[name]
    # The first builds of many nodes take hours, and so do the long suites.
    assert job(name)["timeout-minutes"] <= (350 if name in ("nightly", "deploy") else 60)
    # YAML 1.1 reads `on` as true; pull_request_target would give the code of a fork the repository's secrets.
    assert "pull_request_target" not in str(WORKFLOWS[name][True])


def test_deployments_wait_for_each_other_and_are_not_interrupted() -> None:
    assert WORKFLOWS["deploy"]["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    for name in ("drift", "rounds"):
        assert WORKFLOWS[name]["concurrency"] == {"group": name, "cancel-in-progress": False}
    assert WORKFLOWS["preview"]["concurrency"]["cancel-in-progress"] is True
    assert job("deploy")["environment"] == "production"


def test_actions_are_known_and_pinned() -> None:
    used = [(name, step) for name, step in steps() if "uses" in step]
    for name, step in used:
        if step["uses"].startswith("./"):
            action = ACTIONS[Path(step["uses"]).name]
            assert set(step.get("with", {})) == set(action.get("inputs", {})), name
            continue
        action, version = step["uses"].split("@")
        # CI's checkout also fetches all commits: the upgrade test deploys an earlier one.
        expected = KNOWN[action] | (CHECKOUTS.get(name, {}).keys() if action == "actions/checkout" else set())
        assert set(step.get("with", {})) == expected, f"{name}: {action}"
        assert re.fullmatch(r"v\d+" if action.startswith("actions/") else r"[0-9a-f]{40}", version), step["uses"]
    assert {step["uses"].split("@")[0] for _, step in used if not step["uses"].startswith("./")} == KNOWN.keys()


def test_no_checkout_leaves_its_token_behind() -> None:
    for name in WORKFLOWS:
        first = job(name)["steps"][0]
        assert first["uses"].startswith("actions/checkout@")
        assert first["with"] == {"persist-credentials": False, **CHECKOUTS.get(name, {})}


def test_scripts_are_a_line_or_two_and_have_no_expressions_in_them() -> None:
    for name, step in steps():
        script = step.get("run", "")
        assert "${{" not in script, name
        assert len(script.strip().splitlines()) <= 6, name


def test_secrets_reach_only_the_steps_that_need_them() -> None:
    for name, workflow in WORKFLOWS.items():
        assert "secrets." not in str({**workflow, "jobs": {}})
        assert "secrets." not in str({key: value for key, value in job(name).items() if key != "steps"})
        with_token = [step["run"] for step in job(name)["steps"] if "GITHUB_TOKEN" in step.get("env", {})]
        assert len(with_token) == (1 if name in ("preview", "drift", "rounds") else 0)
