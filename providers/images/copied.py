"""Finds the part of a shared context that a Dockerfile's build can use, from its COPY, ADD and RUN --mount lines.

Models that share a package have the same context, but a change to one model must not rebuild the others. So only the
files that a build can use are sent and hashed. In doubt (a variable of the base image, a bind mount, another frontend)
all files count: never fewer than the build uses.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from providers.images.dockerfile import Dockerfile, Instruction, NotUnderstood, is_address, parse
from providers.images.stages import Stages

_WILD = re.compile(r"[*?\[\\]")
# Mounts without files of the context.
_OTHER_MOUNTS = frozenset({"cache", "secret", "ssh", "tmpfs"})
# Instructions that do not read the context.
_PLAIN = frozenset(
    {"ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL"}
    | {"USER", "VOLUME", "WORKDIR"}
)


def find_sources(text: str, arguments: Mapping[str, str | None]) -> list[str] | None:
    """Return the paths and patterns that a Dockerfile uses from its context, in order; None for the whole context.

    `arguments` are the build arguments; a value of None is not known yet.
    """
    try:
        paths = list(_find_sources(parse(text), arguments))
    except NotUnderstood:
        return None
    return None if "" in paths else paths


def select_files(files: Sequence[str], sources: Sequence[str], links: frozenset[str]) -> list[str] | None:
    """Return the `files` at or below one of the `sources` (paths and patterns); None for all files.

    `links` are the symlinks among the files. If a source is below one, all files count, because the link may lead to
    any of them.
    """
    selected: set[str] = set()
    for source in sources:
        matching = [path for path in files if _is_below(path, source)]
        if not matching or any(_may_contain(path, source) for path in links):
            return None
        selected.update(matching)
    return sorted(selected)


def may_contain(folder: str, sources: Sequence[str]) -> bool:
    """Whether a folder may contain one of the `sources`, or be below one."""
    return any(all(map(_matches, folder.split("/"), source.split("/"))) for source in sources)


def _is_below(path: str, source: str) -> bool:
    parts, patterns = path.split("/"), source.split("/")
    return len(parts) >= len(patterns) and all(map(_matches, parts, patterns))


def _may_contain(link: str, source: str) -> bool:
    """Whether a link may be the source itself or one of its parent folders."""
    parts, patterns = link.split("/"), source.split("/")
    return len(parts) <= len(patterns) and all(map(_matches, parts, patterns))


def _matches(part: str, pattern: str) -> bool:
    if not _WILD.search(pattern):
        return part == pattern
    if "[" in pattern or "\\" in pattern or "**" in pattern:
        return True  # matches too much rather than too little
    expression = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch(expression, part) is not None


def _find_sources(dockerfile: Dockerfile, arguments: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the paths and patterns in order; "" is the whole context. Raises NotUnderstood."""
    if dockerfile.doubts:
        raise NotUnderstood(dockerfile.doubts[0])
    stages = Stages(dockerfile, arguments)
    for instruction in dockerfile.instructions:
        stages.follow(instruction)
        if instruction.name == "FROM" and "onbuild" in stages.base.lower():
            raise NotUnderstood("the base image copies files")
        if instruction.name == "RUN":
            _check_mounts(instruction)
        elif instruction.name in ("COPY", "ADD"):
            for source in _expand_sources(instruction, stages):
                if not is_address(source):
                    yield posixpath.normpath("/" + source.strip()).strip("/")
        elif instruction.name not in _PLAIN:
            raise NotUnderstood(instruction.name)  # ONBUILD and future instructions


def _expand_sources(instruction: Instruction, stages: Stages) -> list[str]:
    origins = [flag.partition("=")[2] for flag in instruction.flags if flag.lower().startswith("--from")]
    if any(not origin or "$" in origin for origin in origins):
        raise NotUnderstood(instruction.rest)
    return [stages.expand(word) for word in instruction.sources()]


def _check_mounts(instruction: Instruction) -> None:
    """Raise NotUnderstood for a mount that may contain the context."""
    for flag in instruction.flags:
        if not flag.startswith("--mount"):
            continue
        parts = [part.partition("=") for part in flag.partition("=")[2].split(",")]
        options = {name.lower(): value for name, _, value in parts}
        if options.get("type") in _OTHER_MOUNTS:
            continue
        if options.get("type", "bind") != "bind" or not options.get("from") or "$" in options["from"]:
            raise NotUnderstood(flag)
