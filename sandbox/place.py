"""The sandbox's stack and the folder of its state."""

import os
from pathlib import Path

from pnodes.project import project_folder

STACK = "sandbox"
"""The stack of the sandbox; its settings are committed in Pulumi.sandbox.yaml."""


def sandbox_home() -> Path:
    """Return the folder of the sandbox's state: PNODES_SANDBOX_HOME, or `.sandbox` beside Pulumi.yaml."""
    home = os.environ.get("PNODES_SANDBOX_HOME")
    return Path(home).expanduser().resolve() if home else project_folder() / ".sandbox"
