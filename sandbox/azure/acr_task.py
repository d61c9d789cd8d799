"""Parses the ACR tasks of this project: a `docker build` command, then a push to the registry itself.

The text of a task is a template of YAML, and a step's command goes through a shell. The sandbox supports only the
features that this project's tasks use, and refuses all others.
"""

from __future__ import annotations

import argparse
import base64
import shlex
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from sandbox.images import BuildError

_BRACES = '{{"{{"}}'


@dataclass(frozen=True)
class Build:
    """The build of a task."""

    repository: str
    tag: str
    dockerfile: str
    arguments: dict[str, str]
    cache: list[str]


def read(encoded: str, server: str) -> Build:
    """Parse a task. Raises BuildError."""
    text = base64.b64decode(encoded).decode()
    if "{{" in text.replace(_BRACES, ""):
        raise BuildError("unable to render task: the sandbox's tasks have no values")
    try:
        steps: list[dict[str, Any]] = yaml.safe_load(text.replace(_BRACES, "{{"))["steps"]
        build, push = steps
        words = shlex.split(build["cmd"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise BuildError(f"failed to deserialize task and validate: {error}") from error
    if words[:2] != ["docker", "build"] or "DOCKER_BUILDKIT=1" not in build.get("env", []):
        raise BuildError(f"the sandbox's first step is docker build with BuildKit, not {build}")
    options = _parser().parse_args(words[2:])
    if options.platform != "linux/amd64" or options.context != ".":
        raise BuildError("the sandbox builds the uploaded source for linux/amd64")
    if push.get("push") != [options.tag] or push.get("when") != [build.get("id")]:
        raise BuildError("failed to push images successfully")
    repository, _, tag = options.tag.rpartition(":")
    for image in [options.tag, *options.cache_from]:
        if not image.startswith(f"{server}/"):
            raise BuildError(f"{image}: unauthorized: authentication required")
    return Build(
        repository,
        tag,
        options.file,
        dict(argument.split("=", 1) for argument in options.build_arg),
        options.cache_from,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BuildError(f"docker build: {message}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="docker build", allow_abbrev=False)
    for name in ("--platform", "--progress", "--file", "--tag"):
        parser.add_argument(name, required=True)
    for name in ("--build-arg", "--cache-from"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("context")
    return parser
