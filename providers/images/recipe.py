"""Reads a Dockerfile as far as a process can stand for a container: files copied, packages installed, what is run.

FROM, ARG, ENV, WORKDIR, COPY, ADD, CMD and ENTRYPOINT are followed; of RUN, `pip install` lines are turned into
installs in the image's own environment, and others are handed back to be reported as skipped. Multi-stage files and
here-documents need a container engine; with an engine, the last stage alone can be read.
"""

from __future__ import annotations

import copy
import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.images.dockerfile import Instruction, NotUnderstood, parse
from providers.images.stages import Stages

# A variable in a RUN line. The shell expands it there, after it has split the line into words.
_VARIABLE = re.compile(r"""\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*(?::?[-+][^{}"'`\\$]*)?\})""")
_INSTALL = re.compile(r"(?:(?:\S*/)?python[0-9.]* -m |uv )?(?:\S*/)?pip[0-9.]* install (.*)")
# How pip goes about it, not what it installs: an environment of its own, made elsewhere, has no use for these.
_MANNER = frozenset(
    {
        "--no-cache-dir", "--no-cache", "--upgrade", "-U", "-q", "--quiet", "--user", "--system",
        "--break-system-packages", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore",
        "--no-warn-script-location",
    }
)  # fmt: skip


class DockerfileError(Exception):
    """The Dockerfile asks for something that needs a container engine; the sentence says which line."""


@dataclass
class Step:
    """One instruction that does something: copy (arguments), install (pip's arguments) or skipped (the RUN line)."""

    kind: str
    arguments: list[str]
    workdir: str


@dataclass
class Recipe:
    """What an image consists of."""

    base: str = ""
    steps: list[Step] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def read(text: str, build_args: Mapping[str, str], last_stage: bool = False) -> Recipe:
    """Read a Dockerfile with these build arguments. Raises DockerfileError.

    With `last_stage` an engine does the building: several stages are no mistake, and what is not a file of the context
    (COPY --from, here-documents) is left out.
    """
    dockerfile = parse(text)
    stages = Stages(dockerfile, build_args, unset="")
    recipe = Recipe()
    recipes: dict[str, Recipe] = {}
    for instruction in dockerfile.instructions:
        name = instruction.name
        try:
            if not last_stage:
                _refuse(instruction, recipe)
            stages.follow(instruction)
            if name == "FROM":
                recipe = copy.deepcopy(recipes.get(stages.base.lower(), Recipe(stages.base)))
                if stages.name:
                    recipes[stages.name] = recipe
            else:
                _follow(recipe, instruction, stages)
        except NotUnderstood as error:
            if not last_stage:
                raise DockerfileError(f"line {instruction.line}: {name} cannot be read ({error})") from None
    return recipe


def _refuse(instruction: Instruction, recipe: Recipe) -> None:
    """Raise DockerfileError for what only a container engine can do."""
    reasons = {
        "a second FROM": instruction.name == "FROM" and recipe.base,
        "a here-document (<<)": instruction.heredocs,
        "COPY --from": any(flag.startswith("--from") for flag in instruction.flags),
    }
    for reason in (reason for reason, holds in reasons.items() if holds):
        raise DockerfileError(f"line {instruction.line}: {reason} needs a container engine")


def _follow(recipe: Recipe, instruction: Instruction, stages: Stages) -> None:
    name, rest = instruction.name, instruction.rest
    if name == "ENV":
        recipe.env = {variable: value or "" for variable, value in stages.env.items()}
    elif name == "WORKDIR":
        recipe.workdir = posixpath.join(recipe.workdir, stages.expand(rest))
    elif name in ("COPY", "ADD") and (sources := instruction.sources()) and not instruction.heredocs:
        paths = [stages.expand(word) for word in (*sources, instruction.words()[-1])]
        recipe.steps.append(Step("copy", paths, recipe.workdir))
    elif name == "RUN" and not instruction.heredocs:
        words = instruction.exec_form()
        if words is None:
            commands = _commands(_VARIABLE.sub(lambda variable: stages.expand(variable[0]), rest))
        else:
            commands = [words]
        recipe.steps += [_step(command, recipe.workdir) for command in commands]
    elif name == "CMD":
        recipe.command = _command(instruction)
    elif name == "ENTRYPOINT":
        recipe.entrypoint = _command(instruction)


def _command(instruction: Instruction) -> list[str]:
    """What a CMD or ENTRYPOINT starts."""
    words = instruction.exec_form()
    return ["/bin/sh", "-c", instruction.rest] if words is None else words


def _step(command: list[str], workdir: str) -> Step:
    """What one command of a RUN does."""
    install = _INSTALL.fullmatch(shlex.join(command))
    if install is None:
        return Step("skipped", [" ".join(command)], workdir)
    return Step("install", [word for word in shlex.split(install[1]) if word not in _MANNER], workdir)


def _commands(line: str) -> list[list[str]]:
    """The simple commands of a RUN's shell line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    commands: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word.strip(";&|"):
                commands[-1].append(word)
            else:
                commands.append([])
    except ValueError:  # quotes that only a shell understands
        return [[line]]
    return [command for command in commands if command]
