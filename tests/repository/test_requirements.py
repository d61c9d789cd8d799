"""The lock files contain every requirement of pyproject.toml with hashes, and no index or local path."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN_AND_DEV = ["requirements.txt", "requirements/dev.txt"]
FILES = ["requirements.txt", *sorted(f"requirements/{path.name}" for path in (ROOT / "requirements").glob("*.txt"))]
NAME = re.compile(r"[A-Za-z0-9._-]+")


def read_lock(file: str) -> dict[str, str]:
    """Return the entries of a lock file by package name."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / file).read_text(), flags=re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    return {entry.partition("==")[0]: entry for entry in entries if entry.strip()}


@pytest.mark.parametrize("file", FILES)
def test_no_address_and_no_path(file: str) -> None:
    for line in (ROOT / file).read_text().splitlines():
        assert not re.search(r"https?:|--index|--find-links|file:|(^|\s)/", line), line


@pytest.mark.parametrize("file", FILES)
def test_each_package_has_hashes(file: str) -> None:
    assert [name for name, entry in read_lock(file).items() if "--hash=sha256:" not in entry] == []


def test_every_requirement_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = project["project"]["dependencies"]
    development = project["project"]["optional-dependencies"]["sandbox"] + project["dependency-groups"]["dev"]
    for file, required in {"requirements.txt": run, "requirements/dev.txt": run + development}.items():
        names = {NAME.match(line)[0].lower() for line in required}  # type: ignore[index]
        assert names - set(read_lock(file)) == set()


def test_every_group_has_a_lock_file() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert {f"requirements/{group}.txt" for group in groups} == set(FILES) - {"requirements.txt"}


def test_both_lock_files_have_the_same_versions() -> None:
    run, everything = (read_lock(file) for file in RUN_AND_DEV)
    assert {name: entry.split()[0] for name, entry in run.items()} == {
        name: everything[name].split()[0] for name in run
    }
