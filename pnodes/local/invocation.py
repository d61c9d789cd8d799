"""Prepare the command, the folder and the variables of a process that replaces a node's container."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from pnodes.errors import UserError
from pnodes.local import packages, python, variables
from pnodes.local.image import Image, is_python, names_python
from pnodes.local.local_run import GUARD, LocalRun
from pnodes.local.packages import Say


@dataclass(frozen=True)
class Invocation:
    """A command, its working directory and its complete environment."""

    command: tuple[str, ...]
    folder: Path
    env: dict[str, str]


def prepare(run: LocalRun) -> Invocation:
    """Prepare a run as a process: the Python environment, the folders, the variables. Raises UserError."""
    image = run.image
    words = [image.here(word) for word in run.command]
    if not words:
        raise UserError(
            f"there is nothing to run: the Dockerfile of {image.node.name} has no CMD and the node has no `command`. "
            'Add --command "python predict.py".'
        )
    folder = image.folder
    _report_differences(image, run.say)
    path = run.environ.get("PATH", os.defpath)
    search = [str(folder) for folder in image.importable()]
    compiled = {}
    if is_python(image):
        environment = _prepare_environment(run)
        # Python's compiled files must not change the source, and with it the image.
        compiled = {"PYTHONPYCACHEPREFIX": str(environment / "compiled")}
        path = f"{environment / 'bin'}{os.pathsep}{path}"
        if names_python(words[0]):
            words[0] = str(environment / "bin" / "python")
    elif not shutil.which(words[0], path=path):
        raise UserError(
            f"{words[0]}, which {image.node.name} runs, is not installed on this machine (not found on PATH). "
            "Install it, or add --container."
        )
    home = run.scratch / "home"
    home.mkdir()
    env = {
        "HOME": str(home),  # empty, as in a container, so that the model finds no credentials
        "TMPDIR": str(run.scratch),
        "LANG": "C.UTF-8" if sys.platform != "darwin" else "en_US.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **compiled,
        **variables.list_network_variables(run.environ),
        **image.variables,
        **run.own,
        **run.guard_variables(str(run.predictions)),
        "PATH": path,
    }
    before = [] if run.account.submits else [str(GUARD)]
    after = [part for part in (env.get("PYTHONPATH"), *search) if part]
    if before or after:
        env["PYTHONPATH"] = os.pathsep.join([*before, *after])
    return Invocation(tuple(words), folder, env)


def _prepare_environment(run: LocalRun) -> Path:
    wanted = python.parse_image_version(run.image.recipe.base)
    chosen = python.choose(wanted, python.find_uv())
    pickle = run.image.node.pickle
    if pickle is not None and chosen.minor != wanted:
        raise UserError(
            f"{pickle.name} needs Python {wanted}, which this machine lacks; no other version can load it. Install it, "
            "or add --container."
        )
    if wanted and chosen.minor != wanted:
        run.say(
            f"note: the image has Python {wanted}, which this machine lacks, so the run uses {chosen.minor}. "
            f"A model file written now may need the same version in the cloud; --container has Python {wanted}."
        )
    cache = packages.cache_folder(run.environ)
    return packages.prepare_environment(run.image.recipe, run.image.layout, chosen, cache, run.installing, run.say)


def _report_differences(image: Image, say: Say) -> None:
    steps = [step.arguments[0] for step in image.recipe.steps if step.kind == "skipped"]
    skipped = [line for line in steps if not line.startswith("test ")]  # which changes nothing
    if skipped:
        shown = "; ".join(line if len(line) <= 70 else line[:67] + "..." for line in skipped)
        say(f"note: skipped on this machine: RUN {shown}. Its results must exist; --container runs it.")
    for name, here in image.elsewhere:
        if here.name == name and here.is_dir():
            say(f"note: the image has {name}/ next to the model's files; here Python finds it in {here.parent}.")
        else:
            say(f"note: the image has {name} next to the model's files, this machine does not; --container has it.")
