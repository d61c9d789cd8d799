"""For any content of the file, the parser returns nodes or messages with a position in the file, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nodefile import Position, durations, parse, yaml_source
from nodefile.node import KEYS as SPELLED

WORDS = st.sampled_from(
    ["aws", "m", "no", "12:30", "010", "1e999", ".inf", "8GiB", "90m", "~", "!x y", "*a", "&a b", "<<", "", "gen-md"]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
NAMES = st.sampled_from(["cpu", "memory", "cron", "timezone", "A", "a-b", "\n", "\ud83d", ""]) | st.text(max_size=4)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=4
)
SEEN = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=30)
KEYS = st.sampled_from([*SPELLED, "zzz"])
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
NODE = {"model": "x", "cloud": "aws", "source": "m"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("any")
    (folder / "m").mkdir()
    (folder / "m" / "Dockerfile").write_text("FROM scratch\n")
    return folder / "nodes.yaml"


def check(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    node_file, problems = parse(file)
    assert problems or (node_file is not None and node_file.nodes)
    lines = content.decode("utf-8", "replace").splitlines() or [""]
    for problem in problems:
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1
        assert problem.message.endswith((".", "?"))
        assert problem.message.isprintable()
    positions = [(problem.line, problem.column) for problem in problems]
    assert positions == sorted(positions)


SNIPPETS = st.lists(
    st.sampled_from(
        [
            "a",
            "b:",
            ": ",
            "- ",
            "\n",
            "\n  ",
            "\n    ",
            "{",
            "}",
            "[",
            "]",
            ", ",
            "'",
            '"',
            "#",
            " #",
            "&x ",
            "*x",
            "!t ",
            "| \n",
            "> \n",
            "? ",
            "--- ",
            "...",
            "\t",
            "%",
            "@",
            "\\",
            "<<",
            "no",
            "12:30",
            "1.50",
            "~",
            "é",
            "\u2028",
            "\r\n",
        ]
    )
    | st.text(max_size=2),
    max_size=25,
).map("".join)


@PATIENT
@given(text=SNIPPETS)
def test_the_fast_parser_reads_what_the_other_one_reads(text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    slow = yaml_source.read(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_source, "SLOW_SIZE", 0)
        fast = yaml_source.read(content)
    # The parsers give missing values different positions.
    for document in (fast, slow):
        document.values = {path: place for path, place in document.values.items() if find(document.value, path)}
        document.problems = [(Position(1, 1), message) for _, message in document.problems]
    assert fast == slow


def find(value: Any, path: yaml_source.Path) -> Any:
    for step in path:
        value = value[step] if isinstance(value, dict | list) else None  # type: ignore[index]
    return value


@PATIENT
@given(content=st.binary(max_size=200))
@example(content=b"\xff\xfe")
@example(content=b"nodes: {? {a: b} : c}")
@example(content=b"nodes: {a1: {model: x, cloud: aws, source: " + b"x" * 300 + b"}}")
def test_any_bytes(file: Path, content: bytes) -> None:
    check(file, content)


@PATIENT
@given(keys=st.dictionaries(KEYS, WORDS, max_size=6), name=st.text("ab-1 ", max_size=4))
def test_any_words_under_the_right_keys(file: Path, keys: dict[str, str], name: str) -> None:
    text = f"nodes:\n  {name}:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())
    check(file, text.encode())


@PATIENT
@given(entry=st.dictionaries(KEYS, VALUES, max_size=5), defaults=st.dictionaries(KEYS, VALUES, max_size=3))
def test_any_values_under_the_right_keys(file: Path, entry: dict[str, Any], defaults: dict[str, Any]) -> None:
    document = {"defaults": defaults, "nodes": {"alpha": {**NODE, **entry}}}
    check(file, json.dumps(document).encode())


@PATIENT
@given(texts=st.dictionaries(st.from_regex(r"[A-Z]{3,8}_X", fullmatch=True), SEEN, max_size=5))
def test_quoted_texts_arrive_as_they_are(texts: dict[str, str]) -> None:
    document = yaml_source.read(json.dumps({"env": texts}, ensure_ascii=False).encode())
    assert document.problems == []
    assert document.value == {"env": texts}
    assert not document.ambiguous


@PATIENT
@given(hours=st.integers(0, 999), minutes=st.integers(0, 999), rest=st.integers(1, 999))
def test_durations_add_up(hours: int, minutes: int, rest: int) -> None:
    assert durations.parse_seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest
