"""One run from its wishes to its outcome: prepares the way that was asked for, runs, and looks at what was left."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodefile import Node
from pnodes.local import container, files, keys, predictions, process, variables
from pnodes.local.container_engine import find_container_engine
from pnodes.local.files import Written
from pnodes.local.image import Image, default_command, image_of
from pnodes.local.invocation import prepare
from pnodes.local.packages import Say, cache_folder
from pnodes.local.process import Ended
from pnodes.local.variables import Account
from providers.images.arguments import context_of_node


@dataclass(frozen=True)
class Wishes:
    """What the person asked for."""

    command: tuple[str, ...] | None = None
    in_container: bool = False
    submit: bool = False
    round_number: int | None = None
    test: bool = False
    stack: str | None = None
    to_stderr: bool = False
    """Where the model's output goes, so that standard output is kept for the summary."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended and what it left."""

    node: Node
    command: Sequence[str]
    ended: Ended
    written: Sequence[Written]
    predictions: Sequence[Path]
    submits: bool

    def lines(self) -> list[str]:
        """The end of the story, for a person."""
        ended, found = self.ended, [str(each) for each in self.written]
        found += [f"predictions: {_shown(path)}" for path in self.predictions]
        if ended.peak_mib is not None:
            found.append(self._memory(ended.peak_mib))
        state = "done" if ended.exit_code == 0 else f"ended with exit code {ended.exit_code}"
        found.append(f"{self.node.name}: {state} after {ended.seconds:.1f} s")
        return [*found, *([f"error: {ended.reason}"] if ended.reason else [])]

    def _memory(self, peak_mib: int) -> str:
        node = self.node
        sentence = f"peak memory {_gib(peak_mib)} of the node's {_gib(node.size.memory)}"
        if peak_mib <= node.size.memory:
            return sentence
        return f"warning: {sentence}: in the cloud this run would be ended. Give the node a larger `size`."

    def as_json(self) -> dict[str, Any]:
        """The same, for a script."""
        return {
            "node": self.node.name,
            "command": list(self.command),
            "exit_code": self.ended.exit_code,
            "reason": self.ended.reason or None,
            "seconds": round(self.ended.seconds, 1),
            "peak_memory_mib": self.ended.peak_mib,
            "memory_mib": self.node.size.memory,
            "submit": self.submits,
            "files": [
                {"path": each.path, "state": each.state, "bytes": each.size, "in_image": each.in_image}
                for each in self.written
            ],
            "predictions": [str(path) for path in self.predictions],
        }


def run_node(
    node: Node,
    nodes_file: Path,
    wishes: Wishes,
    scratch: Path,
    project: Path,
    environ: Mapping[str, str],
    say: Say,
) -> Outcome:
    """Runs a node's model. Raises CannotRun."""
    installing = variables.for_installing(environ)
    account = keys.account(node, wishes.submit, environ, project, wishes.stack, say)
    own = variables.of_node(node, account, wishes.round_number, wishes.test)
    image = image_of(node, account.model_id, wishes.in_container)
    folder = predictions.folder_of(node, nodes_file)
    output = sys.stderr.fileno() if wishes.to_stderr else None
    before, sent, kept = files.snapshot(node.source), image.context.files, predictions.present(folder)
    command = wishes.command or default_command(image)
    if wishes.in_container:
        ended = _in_container(image, account, own, wishes, folder, scratch, environ, installing, output, say)
    else:
        invocation = prepare(
            image, account, own, wishes.command, folder, scratch, cache_folder(environ), environ, installing, say
        )
        _announce(say, node, command, account)
        ended = process.run(invocation.command, invocation.folder, invocation.env, node.timeout, output)
    now = context_of_node(node)
    written = files.written(before, files.snapshot(node.source), node.source, sent, now)
    new = sorted(predictions.present(folder) - kept)
    return Outcome(node, command, ended, written, new, account.submits)


def _in_container(
    image: Image,
    account: Account,
    own: Mapping[str, str],
    wishes: Wishes,
    folder: Path,
    scratch: Path,
    environ: Mapping[str, str],
    installing: Mapping[str, str],
    output: int | None,
    say: Say,
) -> Ended:
    engine = find_container_engine(environ)
    image_id = container.build(engine, image, account.model_id, scratch, installing, say)
    _announce(say, image.node, wishes.command or default_command(image), account)
    return container.run(
        engine, image, image_id, account, own, wishes.command, folder, scratch, environ, image.node.timeout, output
    )


def _announce(say: Say, node: Node, command: Sequence[str], account: Account) -> None:
    keys_are = "with the real API keys: it can submit" if account.submits else "without API keys: nothing is submitted"
    say(f"{node.name}: {shlex.join(command) or 'the command of its base image'} ({keys_are})")


def _gib(mib: int) -> str:
    if mib < 1024:
        return f"{mib} MiB"
    return f"{mib / 1024:.1f} GiB" if mib % 1024 else f"{mib // 1024} GiB"


def _shown(path: Path) -> str:
    """Relative to where the person stands, if it lies below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
