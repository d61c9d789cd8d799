"""What is run, where and with which variables, when a process of this machine stands for a node's container."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pnodes.local import packages, python, variables
from pnodes.local.image import Image, default_command, is_python, named_python
from pnodes.local.packages import Say
from pnodes.local.refused import CannotRun
from pnodes.local.variables import Account

GUARD = Path(__file__).resolve().parent / "guard"


@dataclass(frozen=True)
class Invocation:
    """A command, the folder it starts in, and all of its environment."""

    command: tuple[str, ...]
    folder: Path
    env: dict[str, str]


def guarded(account: Account, model: str | None, predictions: str, shown: str) -> dict[str, str]:
    """The variables that keep a run without --submit from submitting, and tell it where predictions go."""
    if account.submits:
        return {}
    found = {"PNODES_PREDICTIONS": predictions, "PNODES_PREDICTIONS_SHOWN": shown}
    return {**found, "PNODES_MODEL": model} if model else found


def prepare(
    image: Image,
    account: Account,
    own: Mapping[str, str],
    command: Sequence[str] | None,
    predictions: Path,
    scratch: Path,
    cache: Path,
    environ: Mapping[str, str],
    installing: Mapping[str, str],
    say: Say,
) -> Invocation:
    """Prepares a run as a process: the Python environment, the folders, the variables.

    `own` are the node's variables, `environ` is the person's environment (of which little is handed on), `installing`
    the one that packages are installed with, `scratch` a folder that is gone after the run. Raises CannotRun.
    """
    words = [image.here(word) for word in (command or default_command(image))]
    if not words:
        raise CannotRun(
            f"there is nothing to run: the Dockerfile of {image.node.name} has no CMD and the node no `command`. "
            'Add --command "python predict.py".'
        )
    folder = image.folder
    _tell_differences(image, say)
    path = environ.get("PATH", os.defpath)
    search = [str(folder) for folder in image.importable()]
    compiled = {}
    if is_python(image):
        made = _environment(image, cache, installing, say)
        # Python's compiled files would change the source, and with it the image.
        compiled = {"PYTHONPYCACHEPREFIX": str(made / "compiled")}
        path = f"{made / 'bin'}{os.pathsep}{path}"
        if named_python(words[0]):
            words[0] = str(made / "bin" / "python")
    elif not shutil.which(words[0], path=path):
        raise CannotRun(
            f"{words[0]}, which {image.node.name} runs, is not installed on this machine (not found on PATH). "
            "Install it, or add --container."
        )
    image_env = image.variables
    model = None if image.node.model_is_id else image.node.model
    home = scratch / "home"
    home.mkdir()
    env = {
        "HOME": str(home),  # a container's is empty: no credentials are found there
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8" if sys.platform != "darwin" else "en_US.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **compiled,
        **variables.of_machine(environ),
        **image_env,
        **own,
        **guarded(account, model, str(predictions), str(predictions)),
        "PATH": path,
    }
    before = [] if account.submits else [str(GUARD)]
    after = [part for part in (env.get("PYTHONPATH"), *search) if part]
    if before or after:
        env["PYTHONPATH"] = os.pathsep.join([*before, *after])
    return Invocation(tuple(words), folder, env)


def _environment(image: Image, cache: Path, installing: Mapping[str, str], say: Say) -> Path:
    wanted = python.of_image(image.recipe.base)
    chosen = python.choose(wanted, python.find_uv())
    if wanted and chosen.minor != wanted:
        say(
            f"note: the image has Python {wanted}, this machine has not: running on {chosen.minor}. "
            f"A model file written here may need the same version there; --container has Python {wanted}."
        )
    return packages.environment(image.recipe, image.layout, chosen, cache, installing, say)


def _tell_differences(image: Image, say: Say) -> None:
    skipped = [step.arguments[0] for step in image.recipe.steps if step.kind == "skipped"]
    if skipped:
        shown = "; ".join(line if len(line) <= 70 else line[:67] + "..." for line in skipped)
        say(f"note: not done on this machine: RUN {shown}. What it brings has to be here already; --container does it.")
    for name, here in image.elsewhere:
        if here.name == name and here.is_dir():
            say(f"note: {name}/ lies beside the model's files in the image; here Python finds it in {here.parent}.")
        else:
            say(f"note: {name} lies beside the model's files in the image, but not here; --container has it.")
