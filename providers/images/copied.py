"""Which part of a shared context a Dockerfile's build can see: what its COPY, ADD and RUN --mount lines name.

Models that share a package have one context, and a change of one model must not build the others: so a build is sent,
and named by, just the files that it could look at. Where that cannot be told for certain (a variable of the base image,
a bind mount, another frontend), the answer is "all of it": never less than the build sees.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from providers.images.dockerfile import Dockerfile, Instruction, NotUnderstood, expand, read

_ADDRESS = re.compile(r"^(https?://|git://|ssh://|git@)", re.IGNORECASE)
_WILD = re.compile(r"[*?\[\\]")
# Mounts that bring nothing of the context along.
_OTHER_MOUNTS = frozenset({"cache", "secret", "ssh", "tmpfs"})
# Instructions that neither read the context nor change what a variable stands for.
_PLAIN = frozenset(
    {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "SHELL", "STOPSIGNAL", "USER", "VOLUME"}
    | {"WORKDIR"}
)


def sources(text: str, arguments: Mapping[str, str | None]) -> list[str] | None:
    """The paths and patterns that a Dockerfile takes from its context, in order; None for all of it.

    `arguments` are the build arguments that the build is given; None as a value says that it is not known yet.
    """
    try:
        return _Reader(read(text), arguments).sources()
    except NotUnderstood:
        return None


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


class _Reader:
    """Follows the variables through the stages and collects what is taken."""

    def __init__(self, dockerfile: Dockerfile, arguments: Mapping[str, str | None]) -> None:
        self._dockerfile, self._arguments = dockerfile, arguments
        self._found: list[str] = []
        self._everything = False
        self._global: dict[str, str | None] = {}
        self._args: dict[str, str | None] = {}
        self._env: dict[str, str | None] = {}
        self._stages: dict[str, dict[str, str | None]] = {}
        self._started = False

    def sources(self) -> list[str] | None:
        for instruction in self._dockerfile.instructions:
            self._follow(instruction)
        return None if self._everything else self._found

    def _follow(self, instruction: Instruction) -> None:
        name = instruction.name
        if name == "FROM":
            self._stage(instruction)
        elif name == "ARG":
            self._argument(instruction)
        elif name == "ENV":
            self._env |= {
                key: self._value(value or "") for key, value in _pairs(instruction.rest, self._dockerfile.escape)
            }
        elif name in ("COPY", "ADD"):
            self._copy(instruction)
        elif name == "RUN":
            self._mounts(instruction)
        elif name not in _PLAIN:
            raise NotUnderstood(name)  # ONBUILD, and what is not known yet

    def _stage(self, instruction: Instruction) -> None:
        words = instruction.words()
        base = expand(words[0], self._global, self._dockerfile.escape).lower() if words else ""
        if "onbuild" in base:
            raise NotUnderstood("the base image copies by itself")
        self._args, self._started = {}, True
        self._env = dict(self._stages.get(base, {}))
        if len(words) == 3 and words[1].upper() == "AS":
            # The very same dictionary: what the stage sets later is inherited too.
            self._stages[words[2].lower()] = self._env

    def _argument(self, instruction: Instruction) -> None:
        pairs = _pairs(instruction.rest, self._dockerfile.escape, bare=True)
        for key, default in pairs:
            if key in self._arguments:
                value = self._arguments[key]
            elif default is not None:
                # Several in one line: builders differ in whether the later ones know the earlier ones.
                value = self._value(default) if len(pairs) == 1 or "$" not in default else None
            else:
                # Declared before the first FROM, or set by nobody; platform arguments are set by the builder.
                value = self._global.get(key) if self._started else None
            (self._args if self._started else self._global)[key] = value

    def _known(self) -> dict[str, str | None]:
        return {**self._args, **self._env} if self._started else self._global

    def _value(self, text: str) -> str | None:
        try:
            return expand(text, self._known(), self._dockerfile.escape)
        except NotUnderstood:
            return None

    def _copy(self, instruction: Instruction) -> None:
        origins = [flag.partition("=")[2] for flag in instruction.flags if flag.lower().startswith("--from")]
        if any(not origin or "$" in origin for origin in origins):
            raise NotUnderstood(instruction.rest)
        if origins:
            return
        for word in instruction.words()[:-1]:
            if word in instruction.heredocs:
                continue
            source = expand(word, self._known(), self._dockerfile.escape)
            if _ADDRESS.match(source):
                continue
            path = posixpath.normpath("/" + source.strip()).strip("/")
            if path:
                self._found.append(path)
            else:
                self._everything = True

    def _mounts(self, instruction: Instruction) -> None:
        for flag in instruction.flags:
            if not flag.startswith("--mount"):
                continue
            parts = [part.partition("=") for part in flag.partition("=")[2].split(",")]
            given = {name.lower(): value for name, _, value in parts}
            if given.get("type") in _OTHER_MOUNTS:
                continue
            if given.get("type", "bind") != "bind" or not given.get("from") or "$" in given["from"]:
                raise NotUnderstood(flag)


def _pairs(rest: str, escape: str, bare: bool = False) -> list[tuple[str, str | None]]:
    """NAME=VALUE words of ENV and ARG, values as written; ENV's old `NAME VALUE`, and with `bare` ARG's plain names."""
    words = _quoted_words(rest, escape)
    if not bare and words and "=" not in words[0]:
        name, _, value = rest.partition(" ")
        return [(name, value.strip())]
    pairs: list[tuple[str, str | None]] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not re.fullmatch(r"\w+", name) or not (equals or bare):
            raise NotUnderstood(rest)
        pairs.append((name, value if equals else None))
    return pairs


def _quoted_words(text: str, escape: str) -> list[str]:
    """Words between blanks that are in no quotes and have no escape before them; quotes stay."""
    words: list[str] = []
    word, quote, at = "", "", 0
    while at < len(text):
        sign = text[at]
        if sign == escape and quote != "'":
            word += text[at : at + 2]
            at += 2
            continue
        if sign in "\"'" and quote in ("", sign):
            quote = "" if quote else sign
        if sign in " \t" and not quote:
            words, word = [*words, word] if word else words, ""
        else:
            word += sign
        at += 1
    return [*words, word] if word else words
