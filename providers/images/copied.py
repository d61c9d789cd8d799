"""Which part of a shared context a Dockerfile's build can see: what its COPY, ADD and RUN --mount lines name.

Models that share a package have one context, and a change of one model must not build the others: so a build is sent,
and named by, just the files that it could look at. Where that cannot be told for certain (a variable of the base image,
a bind mount, another frontend), the answer is "all of it": never less than the build sees.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from providers.images.dockerfile import Dockerfile, Instruction, NotUnderstood, is_address, parse
from providers.images.stages import Stages

_WILD = re.compile(r"[*?\[\\]")
# Mounts that bring nothing of the context along.
_OTHER_MOUNTS = frozenset({"cache", "secret", "ssh", "tmpfs"})
# Instructions that do not read the context.
_PLAIN = frozenset(
    {"ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL"}
    | {"USER", "VOLUME", "WORKDIR"}
)


def sources(text: str, arguments: Mapping[str, str | None]) -> list[str] | None:
    """The paths and patterns that a Dockerfile takes from its context, in order; None for all of it.

    `arguments` are the build arguments that the build is given; None as a value says that it is not known yet.
    """
    try:
        paths = list(_sources(parse(text), arguments))
    except NotUnderstood:
        return None
    return None if "" in paths else paths


def seen(files: Sequence[str], wanted: Sequence[str], links: frozenset[str]) -> list[str] | None:
    """Those of `files` that lie at or below one of `wanted` (paths and patterns); None for all of them.

    `links` are the files that are symlinks: a source that is reached through one is looked up elsewhere.
    """
    found: set[str] = set()
    for source in wanted:
        matching = [path for path in files if _below(path, source)]
        if not matching or any(_reached_through(path, source) for path in links):
            return None
        found.update(matching)
    return sorted(found)


def on_the_way(folder: str, wanted: Sequence[str]) -> bool:
    """Whether a folder holds one of `wanted`, or lies below one."""
    return any(all(map(_matches, folder.split("/"), source.split("/"))) for source in wanted)


def _below(path: str, source: str) -> bool:
    parts, wanted = path.split("/"), source.split("/")
    return len(parts) >= len(wanted) and all(map(_matches, parts, wanted))


def _reached_through(link: str, source: str) -> bool:
    """Whether a link is the source itself or a folder on the way to it, or may be."""
    parts, wanted = link.split("/"), source.split("/")
    return len(parts) <= len(wanted) and all(map(_matches, parts, wanted))


def _matches(part: str, wanted: str) -> bool:
    if not _WILD.search(wanted):
        return part == wanted
    if "[" in wanted or "\\" in wanted or "**" in wanted:
        return True  # more than it says rather than less
    return (
        re.fullmatch("".join(".*" if s == "*" else "." if s == "?" else re.escape(s) for s in wanted), part) is not None
    )


def _sources(dockerfile: Dockerfile, arguments: Mapping[str, str | None]) -> Iterator[str]:
    """The paths and patterns, in order; "" is the context itself. Raises NotUnderstood."""
    if dockerfile.doubts:
        raise NotUnderstood(dockerfile.doubts[0])
    stages = Stages(dockerfile, arguments)
    for instruction in dockerfile.instructions:
        stages.follow(instruction)
        if instruction.name == "FROM" and "onbuild" in stages.base.lower():
            raise NotUnderstood("the base image copies by itself")
        if instruction.name == "RUN":
            _check_mounts(instruction)
        elif instruction.name in ("COPY", "ADD"):
            for source in _copied(instruction, stages):
                if not is_address(source):
                    yield posixpath.normpath("/" + source.strip()).strip("/")
        elif instruction.name not in _PLAIN:
            raise NotUnderstood(instruction.name)  # ONBUILD, and instructions that are not known yet


def _copied(instruction: Instruction, stages: Stages) -> list[str]:
    origins = [flag.partition("=")[2] for flag in instruction.flags if flag.lower().startswith("--from")]
    if any(not origin or "$" in origin for origin in origins):
        raise NotUnderstood(instruction.rest)
    return [stages.expand(word) for word in instruction.sources()]


def _check_mounts(instruction: Instruction) -> None:
    """Raise NotUnderstood for a mount that may show the context."""
    for flag in instruction.flags:
        if not flag.startswith("--mount"):
            continue
        parts = [part.partition("=") for part in flag.partition("=")[2].split(",")]
        given = {name.lower(): value for name, _, value in parts}
        if given.get("type") in _OTHER_MOUNTS:
            continue
        if given.get("type", "bind") != "bind" or not given.get("from") or "$" in given["from"]:
            raise NotUnderstood(flag)
