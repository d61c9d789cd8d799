"""Reads a Dockerfile so that a process can run its model without a container: copied files, packages and command.

FROM, ARG, ENV, WORKDIR, COPY, ADD, CMD and ENTRYPOINT are supported. `pip install` commands in RUN become installation
steps; other commands are returned so that they can be reported as skipped. Multi-stage files and here-documents need a
container engine; for one, the last stage can be read on its own.
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

# A variable in a RUN line, which the shell expands.
_VARIABLE = re.compile(r"""\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*(?::?[-+][^{}"'`\\$]*)?\})""")
_INSTALL = re.compile(r"(?:(?:\S*/)?python[0-9.]* -m |uv )?(?:\S*/)?pip[0-9.]* install (.*)")
# Options of pip that do not affect what is installed. They are dropped, because the environment is created differently.
_IRRELEVANT = frozenset(
    {
        "--no-cache-dir", "--no-cache", "--upgrade", "-U", "-q", "--quiet", "--user", "--system",
        "--break-system-packages", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore",
        "--no-warn-script-location",
    }
)  # fmt: skip


class DockerfileError(Exception):
    """The Dockerfile needs a container engine; the message names the line."""


@dataclass
class Step:
    """A step of a build: copy (sources and target), install (pip's arguments) or skipped (the RUN command)."""

    kind: str
    arguments: list[str]
    workdir: str


@dataclass
class Recipe:
    """The content of an image."""

    base: str = ""
    steps: list[Step] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def read(text: str, build_args: Mapping[str, str], last_stage: bool = False) -> Recipe:
    """Read a Dockerfile with these build arguments. Raises DockerfileError.

    Use `last_stage` if a container engine builds the image: earlier stages are then allowed, and files that do not come
    from the context (COPY --from, here-documents) are left out.
    """
    dockerfile = parse(text)
    stages = Stages(dockerfile, build_args, unset="")
    recipe = Recipe()
    recipes: dict[str, Recipe] = {}
    for instruction in dockerfile.instructions:
        name = instruction.name
        try:
            if not last_stage:
                _check_support(instruction, recipe)
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


def _check_support(instruction: Instruction, recipe: Recipe) -> None:
    """Raise DockerfileError for an instruction that needs a container engine."""
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
            commands = _split_commands(_VARIABLE.sub(lambda variable: stages.expand(variable[0]), rest))
        else:
            commands = [words]
        recipe.steps += [_make_step(command, recipe.workdir) for command in commands]
    elif name == "CMD":
        recipe.command = _read_command(instruction)
    elif name == "ENTRYPOINT":
        recipe.entrypoint = _read_command(instruction)


def _read_command(instruction: Instruction) -> list[str]:
    """Return the words of the command that a CMD or ENTRYPOINT runs."""
    words = instruction.exec_form()
    return ["/bin/sh", "-c", instruction.rest] if words is None else words


def _make_step(command: list[str], workdir: str) -> Step:
    """Return the step for a command of a RUN."""
    install = _INSTALL.fullmatch(shlex.join(command))
    if install is None:
        return Step("skipped", [" ".join(command)], workdir)
    return Step("install", [word for word in shlex.split(install[1]) if word not in _IRRELEVANT], workdir)


def _split_commands(line: str) -> list[list[str]]:
    """Split a RUN's shell line into simple commands."""
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
