"""nodes.yaml before and after an edit: it is read, and its problems are shown, as `pnodes validate` does; the edited
content takes its place only when it has no problem and nobody else has changed the file meanwhile."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from nodefile import NodeFile, NodeFileError, Problem, yaml_source
from pnodes import project
from pnodes.errors import UserError
from providers.checks import load_checked

_HEAD = """\
# yaml-language-server: $schema={schema}
#
# One entry per prediction node. `pulumi preview` shows what an edit would change, `pulumi up` makes it so,
# `pnodes validate` names mistakes with their line.

"""


def head(file: Path) -> bytes:
    """What a file begins with that was not there before."""
    schema = project.project_folder(file.parent) / "nodes.schema.json"
    return _HEAD.format(schema=Path(os.path.relpath(schema, file.parent)).as_posix()).encode()


def read(file: Path) -> tuple[bytes | None, dict[str, Any]]:
    """The file's content (None when there is none) and what it says. A file with problems is shown as `pnodes validate`
    shows it; one without any node yet is none of them."""
    if not file.parent.is_dir():
        raise UserError(f"There is no folder {file.parent}, in which {file.name} would lie.", 2)
    content = _bytes(file)
    if content is None:
        return None, {}
    document = yaml_source.read(content)
    value = {} if document.value is None else document.value
    if document.problems or not isinstance(value, dict) or value.get("nodes"):
        _, problems = _looked_at(file, file)
        if problems:
            for problem in problems:
                print(problem)
            raise typer.Exit(2)
    return content, value


@dataclass(frozen=True)
class Change:
    """Edited content that has no problem: its nodes, and the function that puts it in the file's place."""

    nodes: NodeFile
    put: Callable[[], None]


@contextmanager
def checked(
    file: Path, before: bytes | None, after: bytes, was: Mapping[str, str] | None = None, advice: str = ""
) -> Iterator[Change]:
    """Check the edited content beside the file, so that its paths lead to the same places; what is wrong with it is
    shown, and ends the command. Nothing stays of it without `put`. `was`: what new nodes were called before; `advice`
    follows the problems."""
    candidate = None
    try:
        candidate = _beside(file, after)
        nodes, problems = _looked_at(candidate, file)
        if nodes is None:
            _show(problems, before or b"", after, was or {})
            if advice:
                print(advice)
            raise typer.Exit(2)
        made = candidate

        def put() -> None:
            if _bytes(file) != before:
                raise UserError(f"{file.name} was changed by somebody else meanwhile. Nothing was written; try again.")
            made.replace(file.resolve())

        yield Change(nodes, put)
    except OSError as error:
        raise UserError(f"{error.filename or file} cannot be written: {error.strerror or error}.") from None
    finally:
        if candidate is not None:
            candidate.unlink(missing_ok=True)


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", 2) from None


def _beside(file: Path, content: bytes) -> Path:
    """A file with this content in the same folder."""
    real = file.resolve()
    with tempfile.NamedTemporaryFile(dir=real.parent, prefix=f".{real.name}.", delete=False) as candidate:
        candidate.write(content)
    if real.exists():
        shutil.copymode(real, candidate.name)
    else:
        Path(candidate.name).chmod(0o644)
    return Path(candidate.name)


def _looked_at(candidate: Path, file: Path) -> tuple[NodeFile | None, list[Problem]]:
    """The nodes of a candidate, or its problems, which name the file that the person knows."""
    try:
        return load_checked(candidate, project.project_name(project.project_folder(file.parent))), []
    except NodeFileError as error:
        return None, [Problem(file.name, each.line, each.column, each.message) for each in error.problems]


def _show(problems: list[Problem], before: bytes, after: bytes, was: Mapping[str, str]) -> None:
    """Problems of the new nodes, whose lines nobody has seen, and of lines that were there."""
    old, new = before.splitlines(), after.splitlines()
    first = next((index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    count = len(new) - len(old)
    names = {where.line: str(path[1]) for path, where in yaml_source.read(after).keys.items() if path[:1] == ("nodes",)
             and len(path) == 2 and first < where.line <= first + count}  # fmt: skip
    for each in problems:
        if each.line <= first:
            print(each)
        elif each.line > first + count:
            print(Problem(each.path, each.line - count, each.column, each.message))
        else:
            name = next((names[line] for line in sorted(names, reverse=True) if line <= each.line), "")
            called = f" {name}" if name and len(names) > 1 else ""
            renamed = f" ({was[name]} before)" if was.get(name, name) != name else ""
            print(f"the new node{called}{renamed}: {each.message}")
