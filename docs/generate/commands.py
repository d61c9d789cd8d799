"""commands.md: every command of `pnodes` with its arguments and options, as the command itself declares them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from docs.generate.markdown import table
from pnodes.cli.main import app

_HEAD = """\
# The pnodes command

<!-- Made by `python -m docs.generate` from the command itself. -->

`pnodes` is what you use between two `pulumi up`. It lies in `.venv/bin` once `make setup` has run:
`. .venv/bin/activate` puts it on PATH, as does the sandbox's `eval "$(.venv/bin/pnodes sandbox env)"`.
`pnodes --install-completion` teaches your shell its commands.

Where a command asks about what is deployed it takes the selected stack, or `--stack`. Tables are for people: programs
take `--json`. Exit codes: 0 when it worked, 1 when something did not, 2 when what was given is wrong; `pnodes run` ends
with the model's own.

"""


_KINDS = {"str": "TEXT", "list[str]": "TEXT", "path": "PATH", "int": "NUMBER", "int range": "NUMBER", "float": "NUMBER"}


def page() -> str:
    """The page's text."""
    root: Any = typer.main.get_command(app)
    found = list(_commands(root, "pnodes"))
    rows = [[f"[`{name}`](#{name.replace(' ', '-')})", _first(command)] for name, command in found]
    parts = [_section(name, command) for name, command in found]
    return (_HEAD + table(["command", "what it does"], rows) + "\n" + "\n".join(parts)).rstrip("\n") + "\n"


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: Any) -> str:
    context = typer.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [row for parameter in command.params if (row := _row(parameter, context))]
    body = table(["argument or option", "what", "default, or what it takes"], rows) if rows else ""
    return f"## {name}\n\n    {name} {usage}\n\n{_text(command.help)}\n\n{body}"


def _row(parameter: Any, context: Any) -> list[str] | None:
    """What `--help` says of a parameter, with what stands in brackets at its end in a column of its own."""
    record = parameter.get_help_record(context)
    if record is None or "--help" in parameter.opts:
        return None
    title, said = record
    text, more = re.fullmatch(r"(.*?)(?:\s*\[([^\[\]]*)\])?", said.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    if parameter.param_type_name == "argument":
        title = title.partition("<")[0].strip("[] ")
    for kind, word in _KINDS.items():
        title = title.replace(f"<{kind}>", word)
    return [f"`{title.strip()}`", _text(text).replace("\n", " "), (more or "").removeprefix("default: ")]


def _first(command: Any) -> str:
    """The first sentence of a command's help."""
    text = _text(command.help).split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[.])\s", text)[0]


def _text(help_: str) -> str:
    """Help as Markdown: what it says of a person's own names in capitals stays, angle brackets do not."""
    lines = [line.strip() for line in help_.strip().splitlines()]
    return "\n".join(lines).replace("<", "&lt;")
