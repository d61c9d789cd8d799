"""Run a node's model: prepare the process or the container, run it, and collect the files that it has written."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodefile import Node
from pnodes.local import (
    container,
    files,
    keys,
    model_uploads,
    predictions,
    process,
    settings,
    variables,
)
from pnodes.local.container_engine import find_container_engine
from pnodes.local.files import Written
from pnodes.local.image import read_image
from pnodes.local.invocation import prepare
from pnodes.local.local_run import LocalRun
from pnodes.local.packages import Say
from pnodes.local.process import Ended
from providers.images.arguments import make_context


@dataclass(frozen=True)
class RunOptions:
    """The options of `pnodes run`."""

    command: tuple[str, ...] | None = None
    in_container: bool = False
    submit: bool = False
    round_number: int | None = None
    test: bool = False
    stack: str | None = None
    to_stderr: bool = False
    """Send the model's output to standard error, so that standard output has only the summary."""


@dataclass(frozen=True)
class Outcome:
    """The end of a run, and the files that it has written."""

    node: Node
    command: Sequence[str]
    ended: Ended
    written: Sequence[Written]
    predictions: Sequence[Path]
    submits: bool

    def lines(self) -> list[str]:
        """Return the summary for the terminal."""
        ended, lines = self.ended, [str(file) for file in self.written]
        lines += [f"predictions: {_shown(path)}" for path in self.predictions]
        if ended.peak_mib is not None:
            lines.append(self._describe_memory(ended.peak_mib))
        lines += model_uploads.describe(self.node, ended)
        state = "done" if ended.exit_code == 0 else f"ended with exit code {ended.exit_code}"
        lines.append(f"{self.node.name}: {state} after {ended.seconds:.1f} s")
        return [*lines, *([f"error: {ended.reason}"] if ended.reason else [])]

    def _describe_memory(self, peak_mib: int) -> str:
        node = self.node
        sentence = f"peak memory {_gib(peak_mib)} of the node's {_gib(node.size.memory)}"
        if peak_mib <= node.size.memory:
            return sentence
        return f"warning: {sentence}: the cloud would kill this run. Give the node a larger `size`."

    def as_json(self) -> dict[str, Any]:
        """Return the summary for scripts."""
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
                {"path": file.path, "state": file.state, "bytes": file.size, "in_image": file.in_image}
                for file in self.written
            ],
            "predictions": [str(path) for path in self.predictions],
        }


def run_node(
    node: Node,
    nodes_file: Path,
    options: RunOptions,
    scratch: Path,
    project: Path,
    environ: Mapping[str, str],
    say: Say,
) -> Outcome:
    """Run a node's model and return its outcome. Raises UserError."""
    account = keys.find_account(node, options.submit, environ, project, options.stack, say)
    own = settings.find_secrets(node, environ, project, options.stack) | variables.list_node_variables(
        node, account, options.round_number, options.test
    )
    image = read_image(node, account.model_id, options.in_container)
    folder = predictions.make_folder(node, nodes_file)
    output, installing = sys.stderr.fileno() if options.to_stderr else None, variables.for_installing(environ)
    run = LocalRun(image, account, own, options.command, folder, scratch, environ, installing, output, say)
    before, sent, kept = files.take_snapshot(node.source), image.context.files, set(folder.glob("predictions-*"))
    if options.in_container:
        engine = find_container_engine(environ)
        image_id = container.build_image(engine, run)
        _announce(run)
        ended = container.run_image(engine, run, image_id)
    else:
        invocation = prepare(run)
        _announce(run)
        ended = process.run(invocation.command, invocation.folder, invocation.env, node.timeout, output)
    context = make_context(node)
    written = files.list_written(before, files.take_snapshot(node.source), node.source, sent, context)
    new = sorted(set(folder.glob("predictions-*")) - kept)
    return Outcome(node, run.command, ended, written, new, account.submits)


def _announce(run: LocalRun) -> None:
    keys_used = (
        "with the real API keys: it can submit" if run.account.submits else "without API keys: nothing is submitted"
    )
    command = shlex.join(run.command) or "the command of its base image"
    run.say(f"{run.image.node.name}: {command} ({keys_used})")


def _gib(mib: int) -> str:
    if mib < 1024:
        return f"{mib} MiB"
    return f"{mib / 1024:.1f} GiB" if mib % 1024 else f"{mib // 1024} GiB"


def _shown(path: Path) -> str:
    """Return a path relative to the working directory if it is inside."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
