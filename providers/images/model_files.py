"""Finds trained model files that a model's code names and its build context lacks.

Without its file, a model trains in each run or fails, and nobody notices before the round. The usual causes are that
`train.py` has not run, and a checkout in a workflow, which has neither ignored files nor, without Git LFS, large ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nodefile import Node
from nodefile.example_nodes import list_example_models
from providers.images.arguments import make_context
from providers.images.context import BuildContext, ContextError
from providers.images.once import read_once

_ENDINGS = "joblib|pickle|pkl|rds|onnx|cbm|ubj|pt|pth|safetensors|h5|keras"
# A quoted name without parts that are filled in when the code runs, and without a scheme or a leading slash.
_NAME = re.compile(rf"""["'](?!/)([^"'\n{{}}%*$:]+\.(?:{_ENDINGS}))["']""", re.IGNORECASE)
_CODE = (".py", ".r", ".jl", ".ipynb")
_MAX_FILES, _MAX_BYTES = 500, 256 * 1024
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"


def list_missing_models(nodes: Sequence[Node]) -> dict[str, str]:
    """Return a sentence for each node whose context lacks a model file, by the node's name.

    Contexts that cannot be read are left out; building their images says why. So are the examples of nodes.yaml, which
    train in their runs.
    """
    examples = list_example_models(nodes)
    sentences = {}
    for node in nodes:
        try:
            found = None if node.pickle or node.name in examples else _find_missing(make_context(node))
        except (ContextError, OSError):
            continue
        if found:
            sentences[node.name] = f"{found} (docs/how-to/model-files.md)"
    return sentences


def _find_missing(context: BuildContext) -> str | None:
    by_name = {path.rpartition("/")[2]: path for path in context.files}
    code = [path for path in context.files if path.lower().endswith(_CODE)]
    for path in code[:_MAX_FILES]:
        file = context.root / path
        for line, name in _read_names(file, file.stat()):
            if name not in by_name:
                return (
                    f"{path}, line {line} names {name}, which the image will not contain: train the model first, or "
                    "let its code fetch the file"
                )
            with (context.root / by_name[name]).open("rb") as handle:
                if handle.read(len(_POINTER)) == _POINTER:
                    return f"{by_name[name]} is only a pointer of Git LFS: run `git lfs pull`"
    return None


@read_once
def _read_names(path: Path) -> list[tuple[int, str]]:
    """Return the model files that a file of code names, with their lines."""
    with path.open("rb") as handle:
        lines = handle.read(_MAX_BYTES).decode(errors="replace").splitlines()
    return [
        (number, re.split(r"[/\\]", match[1])[-1])
        for number, line in enumerate(lines, 1)
        for match in _NAME.finditer(line)
    ]
