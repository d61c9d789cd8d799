"""Runs the engine for a workflow without writing secrets to the workflow's log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pnodes import scrubbing
from pnodes.ci.github import Step
from pnodes.errors import UserError
from pnodes.pulumi import Logged, Pulumi
from pnodes.scrubbing import Scrubber


def read_json(pulumi: Pulumi, *arguments: str) -> Any:
    """Return the JSON output of a command; {} if it fails, as every command does before the stack exists."""
    try:
        return pulumi.read_json(*arguments)
    except UserError:
        return {}


def run(step: Step, folder: Path, *arguments: str) -> tuple[Logged, Scrubber, dict[str, Any]]:
    """Run a command and print its output to the workflow's log. Returns it, the scrubber that removed the secrets (the
    environment's credentials, and those secrets of the stack that can be decrypted), and the stack's outputs before."""
    pulumi = Pulumi.find(folder)
    config = read_json(pulumi, "config", "--json", "--show-secrets")
    outputs = read_json(pulumi, "stack", "output", "--json", "--show-secrets")
    scrubber = Scrubber(scrubbing.secrets(pulumi.environ, config, outputs))
    with step.verbatim():
        return pulumi.log(*arguments, scrub=scrubber.scrub), scrubber, outputs
