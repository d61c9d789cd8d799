"""Parses a Dockerfile into instructions as BuildKit does: directives, comments, continued lines, heredocs, flags.

This is the project's only parser of Dockerfiles; `providers.images.stages` tracks the values of variables. If builders
parse a line differently, the most likely reading is used and the doubt is recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"""^\d*<<(-?)(['"]?)([A-Za-z0-9_.]+)\2$""")
_FLAG = re.compile(r"""(--[A-Za-z](?:[^\s"']|"[^"]*"|'[^']*')*)(?:\s+|$)""")
_ADDRESS = re.compile(r"(https?://|git://|ssh://|git@)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
# The frontends whose grammar this module implements; another frontend may have another language.
_OWN_FRONTEND = re.compile(r"^(docker\.io/)?docker/dockerfile(-upstream)?(:|@|$)")


class NotUnderstood(Exception):
    """An instruction is malformed or depends on an unknown value."""


@dataclass(frozen=True)
class Instruction:
    """An instruction: its name in capitals, its flags (`--from=build`) and the unparsed rest."""

    name: str
    flags: list[str]
    rest: str
    heredocs: list[str]
    """The words that open heredocs (`<<EOF`); the bodies are not kept."""
    line: int
    """The number of its first line, counted from 1."""

    def exec_form(self) -> list[str] | None:
        """Return the arguments if they are a JSON list; None for the shell form."""
        return _json_words(self.rest)

    def words(self) -> list[str]:
        """Return the arguments from the JSON list, or split at blanks with their quotes."""
        words = self.exec_form()
        return self.rest.split() if words is None else words

    def sources(self) -> list[str]:
        """Return the unexpanded sources that a COPY or ADD takes from the build context or the network."""
        if any(flag.lower().startswith("--from") for flag in self.flags):
            return []
        return [word for word in self.words()[:-1] if word not in self.heredocs]


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a file."""

    instructions: list[Instruction]
    escape: str
    """The character that continues a line and removes the special meaning of the next character."""
    doubts: list[str]
    """Lines that a builder may parse differently."""


def parse(text: str) -> Dockerfile:
    """Parse all instructions of a Dockerfile."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    doubts: list[str] = []
    escape = _read_directives(lines, doubts)
    return Dockerfile(list(_instructions(enumerate(lines, 1), escape, doubts)), escape, doubts)


def _read_directives(lines: list[str], doubts: list[str]) -> str:
    """Return the escape character that the first lines select."""
    escape, unknown = "\\", False
    for line in lines:
        directive = _DIRECTIVE.match(line.strip())
        if directive is None:
            if line.startswith(("#!", "//")):
                doubts.append("the frontend may be named in another comment style")
            break
        name, value = directive[1].lower(), directive[2]
        unknown = unknown or name not in ("escape", "syntax", "check")
        if name == "escape" and value in ("\\", "`"):
            escape = value
        if (name == "escape" and (unknown or value != escape)) or (name == "syntax" and not _OWN_FRONTEND.match(value)):
            doubts.append(f"{name}={value}")
    return escape


def _instructions(lines: Iterator[tuple[int, str]], escape: str, doubts: list[str]) -> Iterator[Instruction]:
    continued = re.compile(rf"(?:^|(?<=[^{re.escape(escape)}])){re.escape(escape)}[ \t]*$")
    for number, first in lines:
        line = first.strip()
        if not line or line.startswith("#"):
            continue
        whole = ""
        while True:
            # Blanks at the start of a continued line count; comment lines in between do not.
            if not continued.search(line):
                whole += line
                break
            whole += continued.sub("", line)
            line = next((more for _, more in lines if more.strip() and not more.lstrip().startswith("#")), "")
            if not line:
                break
        instruction = _split(whole.strip(), number, doubts)
        for word in instruction.heredocs:
            _skip(lines, word, doubts)
        yield instruction


def _split(line: str, number: int, doubts: list[str]) -> Instruction:
    name, rest = [*re.split(r"[ \t]+", line, maxsplit=1), ""][:2]
    name, flags = name.upper(), []
    while flag := _FLAG.match(rest):
        flags.append(flag[1])
        rest = rest[flag.end() :]
    if rest.startswith("--") or any(sign in flag for sign in "\"'\\`" for flag in flags):
        doubts.append(f"{name} {' '.join(flags)} {rest}")
    return Instruction(name, flags, rest, _heredocs(rest, doubts) if name in _WITH_HEREDOCS else [], number)


def _heredocs(rest: str, doubts: list[str]) -> list[str]:
    if "<<" not in rest or _json_words(rest) is not None:
        return []
    heredocs = []
    for word in re.finditer(r"\S+", rest):
        if re.match(r"\d*<<(?!<)", word[0]):
            before = rest[: word.start()]
            if _HEREDOC.match(word[0]) and not before.count("'") % 2 and not before.count('"') % 2:
                heredocs.append(word[0])
            else:
                doubts.append(f"... {word[0]}")
    return heredocs


def _json_words(rest: str) -> list[str] | None:
    try:
        words = json.loads(rest) if rest.startswith("[") else None
    except ValueError:
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def _skip(lines: Iterator[tuple[int, str]], word: str, doubts: list[str]) -> None:
    heredoc = _HEREDOC.match(word)
    assert heredoc is not None
    tabs, end = heredoc[1], heredoc[3]
    if not any((line.lstrip("\t") if tabs else line) == end for _, line in lines):
        doubts.append(f"{word} has no end")


def is_address(source: str) -> bool:
    """Whether a source of an ADD is fetched from the network."""
    return _ADDRESS.match(source) is not None


def pairs(instruction: Instruction, escape: str) -> list[tuple[str, str | None]]:
    """Return the names and unexpanded values of an ENV or ARG. Raises NotUnderstood.

    The value is None for an ARG without a default. ENV's old form `ENV NAME VALUE` is a single pair.
    """
    rest, is_arg = instruction.rest, instruction.name == "ARG"
    words = _quoted_words(rest, escape)
    if not is_arg and words and "=" not in words[0]:
        name, value = [*re.split(r"[ \t]+", rest, maxsplit=1), ""][:2]
        return [(name, value)]
    split = [word.partition("=") for word in words]
    if not all(re.fullmatch(r"\w+", name) and (equals or is_arg) for name, equals, _ in split):
        raise NotUnderstood(rest)
    return [(name, value if equals else None) for name, equals, value in split]


def _quoted_words(text: str, escape: str) -> list[str]:
    """Split at blanks that are neither quoted nor escaped. Quotes are kept."""
    sign = re.escape(escape)
    quoted = rf"""\"(?:[^"{sign}]|{sign}.?)*(?:"|\Z)|'[^']*(?:'|\Z)"""
    return re.findall(rf"""(?:[^ \t"'{sign}]|{sign}.?|{quoted})+""", text)


def expand(word: str, values: Mapping[str, str | None], escape: str, unset: str | None = None) -> str:
    """Remove a word's quotes and expand its variables. Raises NotUnderstood for a malformed word.

    `unset` replaces variables that are missing or None in `values`. If `unset` is None too, they raise NotUnderstood,
    because the base image may have set them.
    """
    out, at, quote = [], 0, ""
    while at < len(word):
        sign = word[at]
        if sign == "'" and quote != '"':
            quote = "" if quote else "'"
        elif quote == "'":
            out.append(sign)
        elif sign == '"':
            quote = "" if quote else '"'
        elif sign == escape:
            at += 1
            if at == len(word):
                raise NotUnderstood(word)
            out.append(word[at] if not quote or word[at] in f'"${escape}' else sign + word[at])
        elif sign == "$":
            value, at = _expand_variable(word, at + 1, values, escape, unset)
            out.append(value)
            continue
        else:
            out.append(sign)
        at += 1
    if quote:
        raise NotUnderstood(word)
    return "".join(out)


def _expand_variable(
    word: str, at: int, values: Mapping[str, str | None], escape: str, unset: str | None
) -> tuple[str, int]:
    """Return the value of the variable whose name (or brace) is at `at`, and the index after it."""
    braced = word[at : at + 1] == "{"
    name = _NAME.match(word, at + braced)
    if name is None:
        raise NotUnderstood(word)
    is_set = values.get(name[0]) is not None
    value = values[name[0]] if is_set else unset
    if value is None:
        raise NotUnderstood(f"{word}: the value of {name[0]} is unknown")
    if not braced:
        return value, name.end()
    end = word.find("}", name.end())
    operation = re.fullmatch(r"|(:?)([-+])([^{]*)", word[name.end() : end])
    if end < 0 or operation is None:
        raise NotUnderstood(word)
    if not operation[2]:
        return value, end + 1
    usable = bool(value) if operation[1] else is_set
    other = expand(operation[3], values, escape, unset)
    return (value if usable else other) if operation[2] == "-" else (other if usable else ""), end + 1
