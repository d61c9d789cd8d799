"""Reads a Dockerfile as far as a process can stand for a container: files copied, packages installed, what is run.

FROM, ARG, ENV, WORKDIR, COPY, ADD, CMD and ENTRYPOINT are followed; of RUN, `pip install` lines are turned into
installs in the image's own environment, and others are handed back to be reported as skipped. Multi-stage files and
here-documents need a container engine; with one, the last stage alone can be read.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dockerfile_parse import DockerfileParser

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_HERE_DOCUMENT = re.compile(r"(?:^|\s)<<-?[\"']?\w")
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
    recipe = Recipe()
    stages: dict[str, Recipe] = {}
    arguments: dict[str, str] = {}
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        name, value, line = entry["instruction"].upper(), entry["value"], entry["startline"] + 1
        known = {**arguments, **recipe.env}
        if name in ("RUN", "COPY", "ADD") and _HERE_DOCUMENT.search(value):
            if last_stage:
                continue
            raise DockerfileError(f"line {line}: a here-document (<<) needs a container engine")
        if name == "FROM":
            if recipe.base and not last_stage:
                raise DockerfileError(f"line {line}: a second FROM needs a container engine")
            words = [word for word in value.split() if not word.startswith("--")]
            base = _expand(words[0], known) if words else ""
            recipe = copy.deepcopy(stages.get(base.lower(), Recipe(base)))
            if len(words) == 3:  # FROM base AS name
                stages[words[2].lower()] = recipe
            continue
        if last_stage and name in ("COPY", "ADD") and re.search(r"(?:^|\s)--from\b", value):
            continue
        try:
            if name == "ARG":
                for item in shlex.split(value):
                    key, _, default = item.partition("=")
                    arguments[key] = build_args.get(key, _expand(default, known))
            else:
                _follow(recipe, name, value, known)
        except ValueError as error:  # quotes that do not match
            raise DockerfileError(f"line {line}: {name} cannot be read ({error})") from None
    return recipe


def _follow(recipe: Recipe, name: str, value: str, known: dict[str, str]) -> None:
    if name == "ENV" and value.strip():
        parts = shlex.split(value)
        pairs = [part.split("=", 1) for part in parts] if "=" in parts[0] else [[parts[0], " ".join(parts[1:])]]
        for key, item in pairs:
            recipe.env[key] = _expand(item, known)
    elif name == "WORKDIR":
        path = _expand(value.strip(), known)
        recipe.workdir = path if path.startswith("/") else f"{recipe.workdir.rstrip('/')}/{path}"
    elif name in ("COPY", "ADD"):
        words = _words(value, wrapped=False)
        if any(word.startswith("--from") for word in words):
            raise DockerfileError("COPY --from needs a container engine")
        sources = [_expand(word, known) for word in words if not word.startswith("--")]
        recipe.steps.append(Step("copy", sources, recipe.workdir))
    elif name == "RUN":
        _run(recipe, _expand(value, known))
    elif name == "CMD":
        recipe.command = _words(value, wrapped=True)
    elif name == "ENTRYPOINT":
        recipe.entrypoint = _words(value, wrapped=True)


def _run(recipe: Recipe, line: str) -> None:
    for words in _commands(line):
        found = _INSTALL.fullmatch(shlex.join(words))
        if found:
            wanted = [word for word in shlex.split(found[1]) if word not in _MANNER]
            recipe.steps.append(Step("install", wanted, recipe.workdir))
        else:
            recipe.steps.append(Step("skipped", [" ".join(words)], recipe.workdir))


def _commands(line: str) -> list[list[str]]:
    """The simple commands of a RUN line, without BuildKit's own options (--mount and its like)."""
    line = re.sub(r"^(?:--\S+\s+)+", "", line.strip())
    if line.startswith("["):
        return [_words(line, wrapped=True)]
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


def _words(value: str, wrapped: bool) -> list[str]:
    if value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):  # what is no JSON is a shell's line, as for Docker
            parsed: Any = json.loads(value)
            return [str(word) for word in parsed]
    return ["/bin/sh", "-c", value] if wrapped else shlex.split(value)


def _expand(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: known.get(m[1] or m[3], m[2] or ""), text)
