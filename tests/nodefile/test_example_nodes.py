"""The example nodes of nodes.yaml are removed without a change of anything else."""

from __future__ import annotations

import pytest

from nodefile import load
from nodefile.example_nodes import EXAMPLES, list_example_models, remove_examples
from pnodes.engine.paths import ROOT

ALPHA = f"  alpha:   # mine\n    model: {EXAMPLES['alpha']}\n    env:\n\n      # deep\n      A: b\n"
MINE = "  mine:\n    model: m\n"


def test_the_projects_file_has_the_examples_and_keeps_its_defaults_and_comments() -> None:
    file = load(ROOT / "nodes.yaml")
    assert {node.name: node.model for node in file.nodes} == EXAMPLES
    assert list_example_models(file.nodes) == [*EXAMPLES]
    content = (ROOT / "nodes.yaml").read_bytes()
    after, names = remove_examples(content)
    assert names == tuple(EXAMPLES)
    assert after == content[: content.index(b"  alpha:")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"nodes:\n{ALPHA}\n  # about mine\n{MINE}# end\n", f"nodes:\n  # about mine\n{MINE}# end\n"),
        (f"nodes:\n{MINE}\n{ALPHA}\ndefaults: {{}}\n", f"nodes:\n{MINE}\ndefaults: {{}}\n"),
        (f"nodes:\r\n{ALPHA}{MINE}".replace("\n", "\r\n"), f"nodes:\r\n{MINE}".replace("\n", "\r\n")),
        # One whose model was replaced, or with another name, is no longer an example.
        (f"nodes:\n{ALPHA}".replace("7c01", "7c02"), f"nodes:\n{ALPHA}".replace("7c01", "7c02")),
        (f"nodes:\n{ALPHA}".replace("alpha", "mine"), f"nodes:\n{ALPHA}".replace("alpha", "mine")),
        # These have no lines of their own.
        (f"nodes: {{alpha: {{model: {EXAMPLES['alpha']}}}}}\n", f"nodes: {{alpha: {{model: {EXAMPLES['alpha']}}}}}\n"),
    ],
)
def test_only_the_lines_of_examples_are_removed(before: str, after: str) -> None:
    assert remove_examples(before.encode())[0].decode() == after
