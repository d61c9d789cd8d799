"""A complete checkout of the project for a world, as on a runner after `actions/checkout`, with nothing installed.

It can also be of an earlier version, as in a user's folder before `git pull`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from pnodes.engine import shims
from tests.e2e.world import ROOT, World


def tracked() -> list[str]:
    """Return the project's files in this version, including those that are not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file() and _is_project_file(name)]


def _is_project_file(name: str) -> bool:
    """Return whether a world gets this file: not the tests, and not nodes.yaml and settings, which the world has."""
    return name not in ("nodes.yaml", "Pulumi.dev.yaml") and not name.startswith("tests/")


def copy_files(source: Path, names: Iterable[str], folder: Path) -> None:
    """Copy files with their folders."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, target)


def extract(commit: str, folder: Path) -> list[str]:
    """Extract an earlier commit into `folder`; return its file names. Skip or, in CI, fail without the commit."""
    archived = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archived.returncode:
        reason = f"this checkout has no commit {commit[:7]}: {archived.stderr.decode().strip()}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder.mkdir()
    subprocess.run(["tar", "-x"], input=archived.stdout, cwd=folder, check=True)
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return [name for name in names if _is_project_file(name)]


def check_out(world: World, folder: Path) -> Path:
    """Copy the repository's files into the world's folder; `uv` and the engine are already on the machine."""
    copy_files(ROOT, tracked(), folder)
    binaries = folder / ".tools" / "pulumi" / "bin"
    binaries.mkdir(parents=True)
    # Not a symlink, because the engine looks for its language host beside its real file.
    try:
        (binaries / "pulumi").hardlink_to(world.cli.binary.resolve())
    except OSError:
        shutil.copy(world.cli.binary, binaries / "pulumi")
    shims.write(binaries)
    (folder / ".tools" / "pulumi" / "built").touch()
    tools = folder.with_name("tools")
    tools.mkdir()
    (tools / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return tools


def install_packages(folder: Path) -> None:
    """Give a checkout the tests' Python packages, as if it had installed its own."""
    (folder / ".venv").mkdir()
    for name in ("bin", "lib"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder / ".venv")
    (folder / ".venv" / ".ready-workflow").touch()
