"""One run of a model on this machine: what a process and a container need alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pnodes.local.image import Image, default_command
from pnodes.local.packages import Say
from pnodes.local.variables import Account

GUARD = Path(__file__).resolve().parent / "guard"


@dataclass(frozen=True)
class LocalRun:
    """A run. `own` are the node's variables, `environ` is the user's environment (of which the model gets little),
    `installing` is the environment for downloads, and `scratch` is a folder that is deleted after the run."""

    image: Image
    account: Account
    own: Mapping[str, str]
    given_command: Sequence[str] | None
    """The command that replaces the image's and the node's."""
    predictions: Path
    scratch: Path
    environ: Mapping[str, str]
    installing: Mapping[str, str]
    output: int | None
    say: Say

    @property
    def command(self) -> Sequence[str]:
        """The command in the image's terms."""
        return self.given_command or default_command(self.image)

    def guard_variables(self, folder: str) -> dict[str, str]:
        """Return the variables for the guard, which writes predictions to this folder; none if the run submits."""
        if self.account.submits:
            return {}
        node, settings = (
            self.image.node,
            {"PNODES_PREDICTIONS": folder, "PNODES_PREDICTIONS_SHOWN": str(self.predictions)},
        )
        return settings if node.model_is_id else {**settings, "PNODES_MODEL": node.model}
