"""Run the engine for a workflow: nothing secret gets into the workflow's log."""

from __future__ import annotations

from typing import Any

from pnodes import scrubbing
from pnodes.ci.github import Step
from pnodes.errors import UserError
from pnodes.pulumi import Logged, Pulumi
from pnodes.scrubbing import Scrubber


def ask(pulumi: Pulumi, *arguments: str) -> Any:
    """Return the JSON that a command prints; nothing when it fails, as all do before the stack exists."""
    try:
        return pulumi.read_json(*arguments)
    except UserError:
        return {}


def known_secrets(pulumi: Pulumi) -> Scrubber:
    """Know the environment's credentials, and the stack's secrets as far as they can be opened."""
    config = ask(pulumi, "config", "--json", "--show-secrets")
    outputs = ask(pulumi, "stack", "output", "--json", "--show-secrets")
    return Scrubber(scrubbing.secrets(pulumi.environ, config, outputs))


def run(pulumi: Pulumi, step: Step, scrubber: Scrubber, *arguments: str) -> Logged:
    """Run a command whose output people read in the workflow's log."""
    with step.verbatim():
        return pulumi.log(*arguments, scrub=scrubber.scrub)
