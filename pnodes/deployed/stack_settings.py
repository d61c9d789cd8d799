"""Reads the names of the selected stack's settings, and adds or removes secrets."""

from __future__ import annotations

from pathlib import Path

from pnodes import project
from pnodes.pulumi import Pulumi


class StackSettings:
    """The settings of the stack that is selected in a project folder. Raises UserError without an engine or a stack."""

    def __init__(self, folder: Path) -> None:
        self._pulumi = Pulumi.find(folder)
        self.stack = self._pulumi.read("stack", "--show-name").strip()
        self._names = set(self._pulumi.read_json("config", "--json"))
        self._project = project.project_name(folder)

    def has(self, name: str) -> bool:
        """Whether a setting exists, such as `aws:region`; a name without a colon is one of the project's settings."""
        return (name if ":" in name else f"{self._project}:{name}") in self._names

    def set_secret(self, name: str, value: str) -> None:
        """Add a secret."""
        self._pulumi.read("config", "set", "--secret", name, value=value)

    def remove(self, name: str) -> None:
        """Remove a setting."""
        self._pulumi.read("config", "rm", name)
