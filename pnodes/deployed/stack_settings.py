"""The settings of the selected stack: which there are, and secrets that are added to them."""

from __future__ import annotations

from pathlib import Path

from pnodes import project
from pnodes.pulumi import Pulumi


class StackSettings:
    """The settings of the selected stack of the project in a folder. Raises UserError without an engine or a stack."""

    def __init__(self, folder: Path) -> None:
        self._pulumi = Pulumi.find(folder)
        self.stack = self._pulumi.read("stack", "--show-name").strip()
        self._names = set(self._pulumi.read_json("config", "--json"))
        self._project = project.project_name(folder)

    def has(self, name: str) -> bool:
        """Whether there is a setting: `aws:region`, or a name of the project's own without a colon."""
        return (name if ":" in name else f"{self._project}:{name}") in self._names

    def set_secret(self, name: str, value: str) -> None:
        """Add a secret."""
        self._pulumi.read("config", "set", "--secret", name, value=value)

    def remove(self, name: str) -> None:
        """Remove a setting."""
        self._pulumi.read("config", "rm", name)
