"""The real engine as tests use it: the CLI in a folder of its own, answers as dictionaries."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import engine


class EngineFailed(Exception):
    """A command of the engine exited with an error; the text is all it printed."""


class PulumiCli:
    """Runs `pulumi` in `folder` with its own backend and these variables."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.binary = engine.ensure(print).path
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        state = folder / ".state"
        state.mkdir(parents=True, exist_ok=True)
        self.env = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            **env,
        }
        self.env["PATH"] = f"{self.binary.parent}{os.pathsep}{self.env['PATH']}"

    def run(self, *arguments: str, stdin: str = "") -> str:
        """One command; returns what it printed. Raises EngineFailed."""
        done = subprocess.run(
            [str(self.binary), *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise EngineFailed(done.stdout + done.stderr)
        return done.stdout

    def preview(self) -> dict[str, int]:
        """Operation -> number of resources."""
        return dict(json.loads(self.run("preview", "--json"))["changeSummary"])

    def steps(self) -> dict[str, str]:
        """Type::name -> operation of a preview, for what would change."""
        steps = json.loads(self.run("preview", "--json"))["steps"]
        return {short_urn(step["urn"]): step["op"] for step in steps if step["op"] != "same"}

    def up(self) -> dict[str, int]:
        """Operation -> number of resources of an update."""
        self.run("up", "--yes", "--skip-preview")
        return self._last()

    def refresh(self) -> dict[str, int]:
        """Operation -> number of resources of a refresh."""
        self.run("refresh", "--yes", "--skip-preview")
        return self._last()

    def destroy(self) -> None:
        """Remove everything."""
        self.run("destroy", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets shown."""
        return dict(json.loads(self.run("stack", "output", "--json", "--show-secrets")))

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the stack's state (secrets encrypted)."""
        deployment = json.loads(self.run("stack", "export"))["deployment"]
        return list(deployment.get("resources") or [])

    def _last(self) -> dict[str, int]:
        return dict(json.loads(self.run("stack", "history", "--json", "--page-size", "1"))[0]["resourceChanges"])


def short_urn(urn: str) -> str:
    """Type::name of a URN."""
    qualified, name = urn.split("::", 3)[2:]
    return f"{qualified.split('$')[-1]}::{name}"
