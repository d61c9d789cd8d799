"""Generate commands.md: every command of `pnodes`, with the arguments and options that it declares."""

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

Use `pnodes` to check, run and watch your nodes between two runs of `pulumi up`. `make setup` installs it in
`.venv/bin`. To put it on PATH, run `. .venv/bin/activate` or, for the sandbox,
`eval "$(.venv/bin/pnodes sandbox env)"`. `pnodes --install-completion` adds completion to your shell.

Commands that query deployed nodes use the selected stack, or the one that `--stack` names. Tables are for people;
programs should use `--json`. The exit code is 0 on success, 1 on failure, and 2 if the input is invalid; `pnodes run`
exits with the model's own code.

"""


_KINDS = {"str": "TEXT", "list[str]": "TEXT", "path": "PATH", "int": "NUMBER", "int range": "NUMBER", "float": "NUMBER"}


def page() -> str:
    """Return the page's text."""
    root: Any = typer.main.get_command(app)
    commands = list(_list_commands(root, "pnodes"))
    rows = [[f"[`{name}`](#{name.replace(' ', '-')})", _first_sentence(command)] for name, command in commands]
    parts = [_section(name, command) for name, command in commands]
    return (_HEAD + table(["command", "effect"], rows) + "\n" + "\n".join(parts)).rstrip("\n") + "\n"


def _list_commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _list_commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: Any) -> str:
    context = typer.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [row for parameter in command.params if (row := _row(parameter, context))]
    body = table(["argument or option", "meaning", "default or allowed values"], rows) if rows else ""
    return f"## {name}\n\n    {name} {usage}\n\n{_text(command.help)}\n\n{body}"


def _row(parameter: Any, context: Any) -> list[str] | None:
    """Return a parameter's `--help` text as a row; the text in brackets at its end gets its own column."""
    record = parameter.get_help_record(context)
    if record is None or "--help" in parameter.opts:
        return None
    title, help_ = record
    text, more = re.fullmatch(r"(.*?)(?:\s*\[([^\[\]]*)\])?", help_.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    if parameter.param_type_name == "argument":
        title = title.partition("<")[0].strip("[] ")
    for kind, word in _KINDS.items():
        title = title.replace(f"<{kind}>", word)
    return [f"`{title.strip()}`", _text(text).replace("\n", " "), (more or "").removeprefix("default: ")]


def _first_sentence(command: Any) -> str:
    """Return the first sentence of a command's help."""
    text = _text(command.help).split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[.])\s", text)[0]


def _text(help_: str) -> str:
    """Return help as Markdown: placeholders in capitals stay, angle brackets are escaped."""
    lines = [line.strip() for line in help_.strip().splitlines()]
    return "\n".join(lines).replace("<", "&lt;")
