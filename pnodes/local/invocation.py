"""Prepare the command, the folder and the variables of a process that replaces a node's container."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pnodes.local import packages, python, variables
from pnodes.local.image import Image, default_command, is_python, names_python
from pnodes.local.packages import Say
from pnodes.local.refused import CannotRun
from pnodes.local.variables import Account

GUARD = Path(__file__).resolve().parent / "guard"


@dataclass(frozen=True)
class Invocation:
    """A command, its working directory and its complete environment."""

    command: tuple[str, ...]
    folder: Path
    env: dict[str, str]


def guard_variables(account: Account, model: str | None, predictions: str, shown: str) -> dict[str, str]:
    """Return the variables for the guard, which writes predictions to a folder; none if the run submits.

    `shown` is the folder's name in messages.
    """
    if account.submits:
        return {}
    settings = {"PNODES_PREDICTIONS": predictions, "PNODES_PREDICTIONS_SHOWN": shown}
    return {**settings, "PNODES_MODEL": model} if model else settings


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
    """Prepare a run as a process: the Python environment, the folders, the variables. Raises CannotRun.

    `own` are the node's variables, `environ` is the user's environment (of which the run gets little), `installing` is
    the environment for installing packages, and `scratch` is a folder that is deleted after the run.
    """
    words = [image.here(word) for word in (command or default_command(image))]
    if not words:
        raise CannotRun(
            f"there is nothing to run: the Dockerfile of {image.node.name} has no CMD and the node has no `command`. "
            'Add --command "python predict.py".'
        )
    folder = image.folder
    _report_differences(image, say)
    path = environ.get("PATH", os.defpath)
    search = [str(folder) for folder in image.importable()]
    compiled = {}
    if is_python(image):
        environment = _prepare_environment(image, cache, installing, say)
        # Python's compiled files must not change the source, and with it the image.
        compiled = {"PYTHONPYCACHEPREFIX": str(environment / "compiled")}
        path = f"{environment / 'bin'}{os.pathsep}{path}"
        if names_python(words[0]):
            words[0] = str(environment / "bin" / "python")
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
        "HOME": str(home),  # empty, as in a container, so that the model finds no credentials
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8" if sys.platform != "darwin" else "en_US.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **compiled,
        **variables.list_network_variables(environ),
        **image_env,
        **own,
        **guard_variables(account, model, str(predictions), str(predictions)),
        "PATH": path,
    }
    before = [] if account.submits else [str(GUARD)]
    after = [part for part in (env.get("PYTHONPATH"), *search) if part]
    if before or after:
        env["PYTHONPATH"] = os.pathsep.join([*before, *after])
    return Invocation(tuple(words), folder, env)


def _prepare_environment(image: Image, cache: Path, installing: Mapping[str, str], say: Say) -> Path:
    wanted = python.parse_image_version(image.recipe.base)
    chosen = python.choose(wanted, python.find_uv())
    if wanted and chosen.minor != wanted:
        say(
            f"note: the image has Python {wanted}, which this machine lacks, so the run uses {chosen.minor}. "
            f"A model file written now may need the same version in the cloud; --container has Python {wanted}."
        )
    return packages.prepare_environment(image.recipe, image.layout, chosen, cache, installing, say)


def _report_differences(image: Image, say: Say) -> None:
    skipped = [step.arguments[0] for step in image.recipe.steps if step.kind == "skipped"]
    if skipped:
        shown = "; ".join(line if len(line) <= 70 else line[:67] + "..." for line in skipped)
        say(f"note: skipped on this machine: RUN {shown}. Its results must exist; --container runs it.")
    for name, here in image.elsewhere:
        if here.name == name and here.is_dir():
            say(f"note: the image has {name}/ next to the model's files; here Python finds it in {here.parent}.")
        else:
            say(f"note: the image has {name} next to the model's files, this machine does not; --container has it.")
