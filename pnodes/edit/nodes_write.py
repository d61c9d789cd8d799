"""Reads and replaces nodes.yaml for an edit, and prints problems as `pnodes validate` does. The new content replaces
the file only if it has no problems and nobody has changed the file in the meantime."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import typer

from nodefile import NodeFile, NodeFileError, Problem, yaml_source
from nodefile import edit as nodes_edit
from nodefile.example_nodes import remove_examples
from pnodes import project
from pnodes.errors import UserError
from providers.checks import load_checked
from providers.images.arguments import make_relative

_HEAD = """\
# yaml-language-server: $schema={schema}
#
# One entry per prediction node. `pulumi preview` shows what an edit would change, `pulumi up` applies it,
# `pnodes validate` reports mistakes with their line.

"""


@dataclass(frozen=True)
class Original:
    """The file before an edit: its content (None if there is no file), and what the edit starts from: the content
    without the example nodes that come with the project, its parsed value, and the names of these nodes."""

    content: bytes | None
    kept: bytes | None
    document: Mapping[str, Any]
    examples: tuple[str, ...] = ()

    @property
    def nodes(self) -> Mapping[str, Any]:
        """The nodes that stay, by name."""
        return self.document.get("nodes") or {}

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The settings for all nodes."""
        defaults = self.document.get("defaults")
        return defaults if isinstance(defaults, dict) else {}


def read(file: Path) -> Original:
    """Read the file. Print problems and exit with 2 if it has any; a file without nodes is valid here."""
    if not file.parent.is_dir():
        raise UserError(f"The folder {file.parent} for {file.name} does not exist.", 2)
    content = _read_bytes(file)
    if content is None:
        return Original(None, None, {})
    document = yaml_source.read(content)
    value = {} if document.value is None else document.value
    if document.problems or not isinstance(value, dict) or value.get("nodes"):
        _, problems = _check(file, file)
        if problems:
            for problem in problems:
                print(problem)
            raise typer.Exit(2)
    kept, examples = remove_examples(content) if value.get("nodes") else (content, ())
    return Original(content, kept, yaml_source.read(kept).value or {}, examples)


def add_nodes(file: Path, content: bytes | None, entries: nodes_edit.Entries, also: str = "") -> bytes:
    """Return the content with new nodes; None is the content of a new file. Raises UserError with the lines to write by
    hand. `also` is what else to do then."""
    if content is None:
        schema = project.project_folder(file.parent) / "nodes.schema.json"
        content = _HEAD.format(schema=make_relative(schema, file.parent)).encode()
    try:
        return nodes_edit.add_nodes(content, entries)
    except nodes_edit.CannotEdit as refused:
        raise UserError(
            f"The nodes cannot be added to {file.name} without changing its existing content. Write these lines under "
            f"`nodes:`{also}:\n{refused.lines}"
        ) from None


@dataclass(frozen=True)
class Change:
    """Edited content without problems: its nodes, and the function that replaces the file."""

    nodes: NodeFile
    put: Callable[[], None]


@contextmanager
def checked(
    file: Path, original: Original, after: bytes, old_names: Mapping[str, str] | None = None, advice: str = ""
) -> Iterator[Change]:
    """Check the edited content in a temporary file beside the original, where relative paths resolve identically.
    Print problems, then `advice`, and exit with 2 if there are any. Unless `put` is called, the file stays unchanged.
    `old_names`: new node name -> its name in numerai-cli."""
    candidate = None
    try:
        candidate = _write_beside(file, after)
        nodes, problems = _check(candidate, file)
        if nodes is None:
            _show(problems, original.content or b"", after, old_names or {})
            if advice:
                print(advice)
            raise typer.Exit(2)
        written = candidate

        def put() -> None:
            if _read_bytes(file) != original.content:
                raise UserError(f"{file.name} was changed in the meantime. Nothing was written; try again.")
            written.replace(file.resolve())

        yield Change(nodes, put)
    except OSError as error:
        raise UserError(f"{error.filename or file} cannot be written: {error.strerror or error}.") from None
    finally:
        if candidate is not None:
            candidate.unlink(missing_ok=True)


def _read_bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", 2) from None


def _write_beside(file: Path, content: bytes) -> Path:
    """Write the content to a temporary file in the same folder."""
    real = file.resolve()
    with tempfile.NamedTemporaryFile(dir=real.parent, prefix=f".{real.name}.", delete=False) as candidate:
        candidate.write(content)
    if real.exists():
        shutil.copymode(real, candidate.name)
    else:
        Path(candidate.name).chmod(0o644)
    return Path(candidate.name)


def _check(candidate: Path, file: Path) -> tuple[NodeFile | None, list[Problem]]:
    """Return the nodes of the candidate, or its problems with the name of the original file."""
    try:
        return load_checked(candidate, project.project_name(project.project_folder(file.parent))), []
    except NodeFileError as error:
        return None, [Problem(file.name, entry.line, entry.column, entry.message) for entry in error.problems]


def _show(problems: list[Problem], before: bytes, after: bytes, old_names: Mapping[str, str]) -> None:
    """Print problems of existing lines with their line number, and those of new nodes with the node's name."""
    old, new = before.splitlines(), after.splitlines()
    first = _count_equal(old, new)
    end = len(new) - _count_equal(old[first:][::-1], new[first:][::-1])
    names = {where.line: str(path[1]) for path, where in yaml_source.read(after).keys.items() if path[:1] == ("nodes",)
             and len(path) == 2 and first < where.line <= end}  # fmt: skip
    for problem in problems:
        if problem.line <= first:
            print(problem)
        elif problem.line > end:
            line = problem.line - len(new) + len(old)
            print(Problem(problem.path, line, problem.column, problem.message))
        else:
            name = next((names[line] for line in sorted(names, reverse=True) if line <= problem.line), "")
            label = f" {name}" if name and len(names) > 1 else ""
            renamed = f" ({old_names[name]} before)" if old_names.get(name, name) != name else ""
            print(f"the new node{label}{renamed}: {problem.message}")


def _count_equal(some: list[bytes], others: list[bytes]) -> int:
    """Return the number of equal lines at the start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(some, others, strict=False)))
