"""Versions are compared by number, and the pinned version is read from go.mod."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes.engine import version
from pnodes.engine.version import Version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v3.259.0\n", Version(3, 259, 0)),
        ("3.9.10", Version(3, 9, 10)),
        ("v3.260.0-alpha.1", Version(3, 260, 0, release=False)),
        ("v3.260.0+dirty", Version(3, 260, 0)),
        ("", None),
        ("pulumi", None),
    ],
)
def test_parse(text: str, expected: Version | None) -> None:
    assert version.parse(text) == expected


def test_order_is_by_number_and_pre_releases_come_first() -> None:
    four, release, early, nine = (
        Version(4, 0, 0),
        Version(3, 100, 0),
        Version(3, 100, 0, release=False),
        Version(3, 9, 0),
    )
    assert sorted([four, release, early, nine]) == [nine, early, release, four]


def test_query_returns_none_if_the_program_fails_or_is_missing(tmp_path: Path) -> None:
    failing = tmp_path / "pulumi"
    failing.write_text("#!/bin/sh\necho v3.300.0\nexit 1\n")
    failing.chmod(0o755)
    assert version.query(failing) is None
    assert version.query(tmp_path / "missing") is None


def test_a_file_is_asked_once_and_again_when_it_changes(
    tmp_path: Path, executable: Callable[[Path, str], Path]
) -> None:
    asked, pulumi = tmp_path / "asked", tmp_path / "pulumi"
    for text, count in (("v3.300.0", 1), ("v3.301.0", 2)):
        executable(pulumi, f"echo >> {asked}; echo {text}")
        assert [version.query(pulumi) for _ in range(2)] == [version.parse(text)] * 2
        assert len(asked.read_text()) == count


def test_the_pinned_engine_is_new_enough() -> None:
    assert version.pinned() >= version.MINIMUM


def test_a_module_without_the_engine_is_reported(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module x\n")
    with pytest.raises(ValueError, match="does not require a version of github"):
        version.pinned(tmp_path)
