"""Reads a Dockerfile as far as a process can stand for a container: files copied, packages installed, what is run.

FROM, ARG, ENV, WORKDIR, COPY, ADD, CMD and ENTRYPOINT are followed; of RUN, `pip install` lines are turned into
installs in the image's own environment, and others are handed back to be reported as skipped. Multi-stage files need a
container engine.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dockerfile_parse import DockerfileParser

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


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


def read(text: str, build_args: Mapping[str, str]) -> Recipe:
    """Read a Dockerfile with these build arguments. Raises DockerfileError."""
    recipe = Recipe()
    arguments: dict[str, str] = {}
    for entry in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        name, value = entry["instruction"].upper(), entry["value"]
        known = {**arguments, **recipe.env}
        if name == "FROM":
            if recipe.base:
                raise DockerfileError(f"line {entry['startline'] + 1}: a second FROM needs a container engine")
            recipe.base = _expand(value.split()[0], known)
        elif name == "ARG":
            for item in shlex.split(value):
                key, _, default = item.partition("=")
                arguments[key] = build_args.get(key, _expand(default, known))
        else:
            _follow(recipe, name, value, known)
    return recipe


def _follow(recipe: Recipe, name: str, value: str, known: dict[str, str]) -> None:
    if name == "ENV":
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
        for line in re.split(r"&&|;|\n", value):
            _run(recipe, _expand(line.strip(), known))
    elif name == "CMD":
        recipe.command = _words(value, wrapped=True)
    elif name == "ENTRYPOINT":
        recipe.entrypoint = _words(value, wrapped=True)


def _run(recipe: Recipe, line: str) -> None:
    words = shlex.split(line)
    found = re.match(r"(?:python3? -m )?pip3? install (.*)", " ".join(words))
    if found:
        wanted = [word for word in shlex.split(found[1]) if word not in ("--no-cache-dir", "--upgrade", "-U", "-q")]
        recipe.steps.append(Step("install", wanted, recipe.workdir))
    elif words:
        recipe.steps.append(Step("skipped", [line], recipe.workdir))


def _words(value: str, wrapped: bool) -> list[str]:
    if value.lstrip().startswith("["):
        parsed: Any = json.loads(value)
        return [str(word) for word in parsed]
    return ["/bin/sh", "-c", value] if wrapped else shlex.split(value)


def _expand(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: known.get(m[1] or m[3], m[2] or ""), text)
