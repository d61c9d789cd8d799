"""The official installer is probed first, has a time limit, and installs a release completely or not at all."""

import sys
from pathlib import Path

import pytest

from pnodes.engine import official
from pnodes.engine.official import InstallFailed

COMPLETE = """
import pathlib, sys
bin = pathlib.Path(sys.argv[1], "bin")
bin.mkdir(parents=True)
for name in {names}:
    (bin / name).touch()
"""
NAMES = ["pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"]


def test_a_site_that_refuses_is_not_reachable() -> None:
    assert official.find_obstacle("http://127.0.0.1:1/install.sh") is not None


def test_a_complete_release_replaces_the_previous_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "pulumi"
    (home / "old").mkdir(parents=True)
    monkeypatch.setattr(official, "_INSTALL", COMPLETE.format(names=NAMES))
    official.install(home)
    assert sorted(path.name for path in (home / "bin").iterdir()) == NAMES
    assert not (home / "old").exists()
    assert list(tmp_path.iterdir()) == [home]


def test_a_release_without_its_language_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "_INSTALL", COMPLETE.format(names=["pulumi"]))
    with pytest.raises(InstallFailed, match="has no pulumi-language-python"):
        official.install(tmp_path / "pulumi")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_contains_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "_INSTALL", "print('first'); import sys; sys.exit('curl: (6) no such host')")
    with pytest.raises(InstallFailed, match=r"^the official installer failed: curl: \(6\) no such host$"):
        official.install(tmp_path / "pulumi")


def test_an_installer_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    hang = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(InstallFailed, match="had not finished after 1 s"):
        official._run([sys.executable, "-c", hang], timeout=1)
