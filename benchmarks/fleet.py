"""The fleet that is deployed: any number of nodes, one cloud after another, each with a model of its own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from nodefile.clouds import REGIONS

CLOUDS = tuple(REGIONS)
_NODE = """\
  {name}:
    model: {model}
    cloud: {cloud}
    source: model
    timeout: {timeout}
"""


def name_node(number: int) -> str:
    """Return a node's name."""
    return f"node-{number}"


def model_id(number: int) -> str:
    """Return the id of a node's model, the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://numer.ai/benchmark-{number}"))


def write_nodes(
    count: int,
    clouds: Sequence[str] = CLOUDS,
    edited: bool = False,
    stacks: Sequence[str] = (),
    schedule: str = "",
) -> str:
    """Return the text of a nodes.yaml with `count` nodes; `edited` changes the timeout of the first one.

    With `stacks`, each of them has as many nodes as the others.
    """
    nodes = (
        _NODE.format(
            name=name_node(number),
            model=model_id(number),
            cloud=clouds[number % len(clouds)],
            timeout="90m" if edited and number == 0 else "60m",
        )
        for number in range(count)
    )
    share = -(-count // max(len(stacks), 1))
    parts = "".join(
        f"  {stack}:\n    nodes: [{', '.join(map(name_node, range(start, min(start + share, count))))}]\n"
        for stack, start in zip(stacks, range(0, count, share), strict=False)
    )
    defaults = f'defaults: {{schedule: "{schedule}"}}\n' if schedule else ""
    return defaults + (f"stacks:\n{parts}" if parts else "") + "nodes:\n" + "".join(nodes)


def write_model(folder: Path) -> None:
    """Write the folder of the model that all nodes share: an image that needs no package and no time to build."""
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "Dockerfile").write_text('FROM python:3.12-slim\nCOPY . .\nCMD ["python", "predict.py"]\n')
    (folder / "model" / "predict.py").write_text('print("nothing to predict")\n')
