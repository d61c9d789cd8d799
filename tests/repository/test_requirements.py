"""The lock files name no index and no machine, and hold what pyproject.toml asks for, with hashes."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ["requirements.txt", "requirements/dev.txt"]
NAME = re.compile(r"[A-Za-z0-9._-]+")


def locked(file: str) -> dict[str, str]:
    """Each package of a lock file, with the text of its entry."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / file).read_text(), flags=re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    return {entry.partition("==")[0]: entry for entry in entries if entry.strip()}


@pytest.mark.parametrize("file", FILES)
def test_no_address_and_no_path(file: str) -> None:
    for line in (ROOT / file).read_text().splitlines():
        assert not re.search(r"https?:|--index|--find-links|file:|(^|\s)/", line), line


@pytest.mark.parametrize("file", FILES)
def test_each_package_has_hashes(file: str) -> None:
    assert [name for name, entry in locked(file).items() if "--hash=sha256:" not in entry] == []


def test_all_that_is_asked_for_is_locked() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = asked["project"]["dependencies"]
    more = asked["project"]["optional-dependencies"]["sandbox"] + asked["dependency-groups"]["dev"]
    for file, wanted in {"requirements.txt": run, "requirements/dev.txt": run + more}.items():
        names = {NAME.match(line)[0].lower() for line in wanted}  # type: ignore[index]
        assert names - set(locked(file)) == set()


def test_what_runs_is_the_same_in_both() -> None:
    run, everything = (locked(file) for file in FILES)
    assert {name: entry.split()[0] for name, entry in run.items()} == {
        name: everything[name].split()[0] for name in run
    }
