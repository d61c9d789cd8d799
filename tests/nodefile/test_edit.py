"""Nodes are added to nodes.yaml without any other change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nodefile import yaml_source
from nodefile.edit import CannotEdit, Value, add_nodes, quote_if_needed
from pnodes.engine.paths import ROOT

NEW = {"new": {"model": "mine", "cloud": "aws", "source": "new"}}
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)


def edit(text: str, entries: Mapping[str, Mapping[str, Value]] = NEW) -> str:
    """Return the file after the edit, and check that it still has its old lines."""
    after = add_nodes(text.encode(), entries).decode()
    assert_lines_kept(text, after)
    return after


def assert_lines_kept(before: str, after: str) -> None:
    """Check that all old lines remain in order, byte for byte. A line break may be added to the last one."""
    end = "\r\n" if "\r\n" in before else "\n"
    old, new = ((text if text.endswith("\n") else text + end).splitlines(keepends=True) for text in (before, after))
    old = old if before else []
    rest = iter(new)
    assert not [line for line in old if line not in rest], after
    first = next((index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    count = len(new) - len(old)
    assert new[first + count :] == old[first:], "the new lines are not in one piece"


def test_nodes_follow_the_last_node_in_the_style_of_the_file() -> None:
    text = """\
# a comment at the top

defaults:   # what holds for all
  size: "gen-sm"
nodes:
    alpha:
        model:   first      # two spaces more
        source: 'alpha'
        tags: {a: b,   c: d}

    beta:
        model: second
        # schedule: "0 0 * * *"

# the end
"""
    assert edit(text) == text.replace(
        '"0 0 * * *"\n', '"0 0 * * *"\n\n    new:\n        model: mine\n        cloud: aws\n        source: new\n'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "nodes:\n  new:\n    model: mine\n"),
        ("# mine\n", "# mine\n\nnodes:\n  new:\n    model: mine\n"),
        ("nodes:", "nodes:\n  new:\n    model: mine\n"),
        ("nodes:\n  # here\n# end\n", "nodes:\n  # here\n  new:\n    model: mine\n# end\n"),
        ("defaults: {cloud: aws}\n# end\n", "defaults: {cloud: aws}\n\nnodes:\n  new:\n    model: mine\n\n# end\n"),
        ("nodes:\n a:\n  model: x", "nodes:\n a:\n  model: x\n\n new:\n  model: mine\n"),
        (
            "nodes:\n  a: {model: x}\n  b: {model: y}\ndefaults:\n  cloud: aws\n",
            "nodes:\n  a: {model: x}\n  b: {model: y}\n  new:\n    model: mine\ndefaults:\n  cloud: aws\n",
        ),
        (
            "nodes:\n  a:\n    model: x\ndefaults:\n  cloud: aws\n",
            "nodes:\n  a:\n    model: x\n\n  new:\n    model: mine\n\ndefaults:\n  cloud: aws\n",
        ),
        ("nodes:\r\n  a:\r\n    model: x\r\n", "nodes:\r\n  a:\r\n    model: x\r\n\r\n  new:\r\n    model: mine\r\n"),
        (
            "defaults: &d {a: b}\nnodes:\n  a:\n    tags: *d\n",
            "defaults: &d {a: b}\nnodes:\n  a:\n    tags: *d\n\n  new:\n    model: mine\n",
        ),
        (
            "nodes:\n  a:\n    command: |\n      run\n\n      again\n\n# end\n",
            "nodes:\n  a:\n    command: |\n      run\n\n      again\n\n  new:\n    model: mine\n\n# end\n",
        ),
        ("\ufeffnodes:\n  a:\n    model: x\n", "\ufeffnodes:\n  a:\n    model: x\n\n  new:\n    model: mine\n"),
    ],
)
def test_the_place(before: str, after: str) -> None:
    assert edit(before, {"new": {"model": "mine"}}) == after


def test_the_projects_own_file() -> None:
    text = (ROOT / "nodes.yaml").read_text()
    after = edit(text, {"new": {"model": "mine"}, "newer": {"model": "mine too"}})
    assert after == text + "\n  new:\n    model: mine\n\n  newer:\n    model: mine too\n"


@pytest.mark.parametrize(
    "text", ["nodes: {}\n", "# hi\nnodes: {}  # none yet\n", "nodes: null\n", "nodes: {a: {model: x}}\n", "{nodes: }"]
)
def test_the_rest_is_kept_even_if_no_lines_can_be_added(text: str) -> None:
    after = add_nodes(text.encode(), NEW)
    assert yaml_source.read(after).value["nodes"]["new"] == NEW["new"]
    assert not [comment for comment in ("# hi", "# none yet") if comment in text and comment not in after.decode()]


def test_a_file_that_cannot_be_edited() -> None:
    with pytest.raises(CannotEdit) as caught:
        add_nodes(b"- a list\n", NEW)
    assert caught.value.lines == "  new:\n    model: mine\n    cloud: aws\n    source: new\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mine", "mine"),
        ("my model", "my model"),
        ("../mine", "../mine"),
        ("no", '"no"'),
        ("12", '"12"'),
        ("1e3", '"1e3"'),
        ("12:30", '"12:30"'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("", '""'),
        ("it's", "it's"),
        ("\x7f", '"\\U0000007f"'),
    ],
)
def test_strings_are_quoted_only_if_needed(text: str, written: str) -> None:
    assert quote_if_needed(text) == written


@PATIENT
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_string_is_read_back(text: str) -> None:
    document = yaml_source.read(f"x: {quote_if_needed(text)}\n".encode())
    assert (document.problems, document.value, document.ambiguous) == ([], {"x": text}, set())


SPACE = st.sampled_from(["", "", " ", "   "])
COMMENT = st.sampled_from(["", "", "  # a comment", " # key: value", "  # 'quoted' {"])
LINES = st.lists(st.sampled_from(["\n", "# at the margin\n", "    # indented\n", "  \n"]), max_size=3).map("".join)
VALUE = st.sampled_from(
    [
        "x", "'x y'", '"x: # y"', "{a: b,   c: [d, e]}", "[a,\n         b]", "|\n        text\n         more",
        ">-\n        t\n",
        "&anchor 7", "two\n        lines", "", "~", "'it''s\n\n         long'",
    ]
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a file in block style with any indentation, comments, quotes, empty lines and line endings."""
    indent, step = draw(st.integers(1, 4)), draw(st.integers(1, 4))

    def node(name: str) -> str:
        lines = [draw(LINES), " " * indent + name + ":" + draw(COMMENT) + "\n"]
        for key in draw(st.lists(st.sampled_from(["model", "cloud", "env", "source"]), unique=True, max_size=3)):
            value = draw(VALUE)
            comment = "" if "\n" in value or not value else draw(COMMENT)
            lines.append(f"{' ' * (indent + step)}{key}:{draw(SPACE)} {value}{comment}\n" + draw(LINES))
        return "".join(lines)

    names = draw(st.lists(st.sampled_from(["a1", "b2", "c3", "'no'"]), unique=True, max_size=4))
    nodes = "nodes:" + draw(COMMENT) + "\n" + "".join(map(node, names))
    defaults = "defaults:\n  size: gen-sm\n" if draw(st.booleans()) else ""
    parts = draw(st.permutations([defaults, nodes]))
    text = draw(LINES) + draw(LINES).join(parts) + draw(LINES)
    text = text.rstrip("\n") if draw(st.booleans()) else text
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@PATIENT
@given(text=files(), count=st.integers(1, 2))
@example(text="nodes:\n  a1:\n    model: |\n      x", count=1)
def test_any_file_keeps_its_lines_and_its_meaning(text: str, count: int) -> None:
    before = yaml_source.read(text.encode())
    if before.problems:
        return
    entries = {f"new-{number}": {"model": f"m {number}", "cloud": "aws"} for number in range(count)}
    content = add_nodes(text.encode(), entries)
    after: Any = yaml_source.read(content)
    assert after.problems == []
    assert after.value["nodes"] == {**(before.value["nodes"] or {}), **entries}
    assert after.value.get("defaults") == before.value.get("defaults")
    if text.endswith("\n") or "|" not in text:
        assert_lines_kept(text, content.decode())


def test_values_that_are_not_strings() -> None:
    fields: dict[str, Value] = {
        "register": False,
        "size": {"cpu": 0.0009765625, "memory": "24GiB"},
        "tags": {"a": "b, c", "d": "]", "n": "1"},
        "schedule": "*/5 * * * *",
    }
    after = edit("nodes:\n  old:\n    model: x\n", {"new": fields})
    assert after.endswith(
        "  new:\n    register: false\n    size: {cpu: 0.0009765625, memory: 24GiB}\n"
        '    tags: {a: "b, c", d: "]", n: "1"}\n    schedule: "*/5 * * * *"\n'
    )
    assert yaml_source.read(add_nodes(b"nodes: {}\n", {"new": fields})).value == {"nodes": {"new": fields}}
