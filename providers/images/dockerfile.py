"""Reads a Dockerfile's instructions as BuildKit does: directives, comments, continued lines, heredocs, flags.

Covers only what `providers.images.copied` needs. Raises NotUnderstood for anything ambiguous; callers then assume the
most.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"""^\d*<<(-?)(['"]?)([A-Za-z0-9_.]+)\2$""")
_FLAG = re.compile(r"^--[A-Za-z]\S*$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
# The frontends whose grammar this is; another one may read another language.
_OWN_FRONTEND = re.compile(r"^(docker\.io/)?docker/dockerfile(-upstream)?(:|@|$)")


class NotUnderstood(Exception):
    """The file says something that this reader does not know for certain."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, its flags (`--from=build`), and what follows them as it was written."""

    name: str
    flags: list[str]
    rest: str
    heredocs: list[str] = field(default_factory=list)
    """The words that open heredocs (`<<EOF`); their bodies are not kept."""

    def words(self) -> list[str]:
        """The arguments: a JSON list, or words between blanks with their quotes still on."""
        found = _json_words(self.rest)
        return self.rest.split() if found is None else found


@dataclass(frozen=True)
class Dockerfile:
    """The instructions, and the character that continues lines and takes meaning away."""

    escape: str
    instructions: list[Instruction]


def read(text: str) -> Dockerfile:
    """All instructions. Raises NotUnderstood."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    escape = _directives(lines)
    return Dockerfile(escape, list(_instructions(iter(lines), escape)))


def _directives(lines: list[str]) -> str:
    """The escape character that the first lines choose. Raises NotUnderstood for a language of somebody else's."""
    escape, others = "\\", False
    for line in lines:
        found = _DIRECTIVE.match(line.strip())
        if found is None:
            if line.startswith(("#!", "//")):
                raise NotUnderstood("the frontend may be named in another comment style")
            return escape
        name, value = found[1].lower(), found[2]
        others = others or name not in ("escape", "syntax", "check")
        if name == "escape":
            if value not in ("\\", "`") or others:
                raise NotUnderstood(f"escape={value}")
            escape = value
        elif name == "syntax" and not _OWN_FRONTEND.match(value):
            raise NotUnderstood(f"syntax={value}")
    return escape


def _instructions(lines: Iterator[str], escape: str) -> Iterator[Instruction]:
    continued = re.compile(rf"(?:^|(?<=[^{re.escape(escape)}])){re.escape(escape)}[ \t]*$")
    for first in lines:
        line = first.strip()
        if not line or line.startswith("#"):
            continue
        whole = ""
        while True:
            # The blanks before a continued line's words belong to it, those of a comment in between do not.
            if not continued.search(line):
                whole += line
                break
            whole += continued.sub("", line)
            line = next((each for each in lines if each.strip() and not each.lstrip().startswith("#")), "")
            if not line:
                break
        instruction = _split(whole.strip())
        for word in instruction.heredocs:
            _skip(lines, word)
        yield instruction


def _split(line: str) -> Instruction:
    name, _, rest = line.replace("\t", " ").partition(" ")
    flags, rest = [], rest.strip()
    while rest.startswith("--"):
        flag, _, more = rest.partition(" ")
        if not _FLAG.match(flag) or any(quote in flag for quote in "\"'\\`"):
            raise NotUnderstood(f"{name} {flag}")
        flags.append(flag)
        rest = more.strip()
    name = name.upper()
    return Instruction(name, flags, rest, _heredocs(rest) if name in _WITH_HEREDOCS else [])


def _heredocs(rest: str) -> list[str]:
    if "<<" not in rest or _json_words(rest) is not None:
        return []
    found = []
    for word in re.finditer(r"\S+", rest):
        if re.match(r"\d*<<(?!<)", word[0]):
            before = rest[: word.start()]
            if not _HEREDOC.match(word[0]) or before.count("'") % 2 or before.count('"') % 2:
                raise NotUnderstood(f"... {word[0]}")
            found.append(word[0])
    return found


def _json_words(rest: str) -> list[str] | None:
    try:
        found = json.loads(rest) if rest.startswith("[") else None
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def _skip(lines: Iterator[str], word: str) -> None:
    found = _HEREDOC.match(word)
    assert found is not None
    tabs, end = found[1], found[3]
    for line in lines:
        if (line.lstrip("\t") if tabs else line) == end:
            return
    raise NotUnderstood(f"{word} has no end")


def expand(word: str, known: Mapping[str, str | None], escape: str) -> str:
    """A word without its quotes and with its variables' values. Raises NotUnderstood for one that is not `known`
    (a base image may have set it) or known to be unknown (None)."""
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
            value, at = _variable(word, at + 1, known, escape)
            out.append(value)
            continue
        else:
            out.append(sign)
        at += 1
    if quote:
        raise NotUnderstood(word)
    return "".join(out)


def _variable(word: str, at: int, known: Mapping[str, str | None], escape: str) -> tuple[str, int]:
    """The value of the variable whose name (or brace) is at `at`, and where the word goes on."""
    braced = word[at : at + 1] == "{"
    name = _NAME.match(word, at + braced)
    if name is None:
        raise NotUnderstood(word)
    if not braced:
        return _value(name[0], known, word), name.end()
    end = word.find("}", name.end())
    operation = word[name.end() : end]
    if end < 0 or "{" in operation:
        raise NotUnderstood(word)
    if not operation:
        return _value(name[0], known, word), end + 1
    # A variable that is not known here may be set by the base image: neither side can be chosen.
    value = _value(name[0], known, word) if name[0] in known else None
    found = re.fullmatch(r"(:?)([-+])(.*)", operation)
    if found is None or value is None:
        raise NotUnderstood(word)
    there = bool(value) if found[1] else True
    other = expand(found[3], known, escape)
    return (value if there else other) if found[2] == "-" else (other if there else ""), end + 1


def _value(name: str, known: Mapping[str, str | None], word: str) -> str:
    value = known.get(name)
    if value is None:
        raise NotUnderstood(f"{word}: the value of {name} is not known here")
    return value
