"""A whole checkout of the project for a world: what a runner has after `actions/checkout`, and nothing installed.

Also one of an earlier version: what a user's folder held before `git pull`.
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
    """The project's own files in this version, those that are not committed yet included."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file() and _is_project_file(name)]


def _is_project_file(name: str) -> bool:
    """Whether a world gets this file: the tests stay away, and nodes.yaml and the settings are the world's."""
    return name not in ("nodes.yaml", "Pulumi.dev.yaml") and not name.startswith("tests/")


def copy_files(source: Path, names: Iterable[str], folder: Path) -> None:
    """Copies files with their folders."""
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, target)


def extract(commit: str, folder: Path) -> list[str]:
    """Puts an earlier commit into `folder`; names of the project's files. Skips without the commit; fails in CI."""
    archived = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archived.returncode:
        reason = f"this checkout has no commit {commit[:7]}: {archived.stderr.decode().strip()}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder.mkdir()
    subprocess.run(["tar", "-x"], input=archived.stdout, cwd=folder, check=True)
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return [name for name in names if _is_project_file(name)]


def check_out(world: World, folder: Path) -> Path:
    """Puts the repository's files beside the world's own; `uv` and the engine are already on the machine."""
    copy_files(ROOT, tracked(), folder)
    binaries = folder / ".tools" / "pulumi" / "bin"
    binaries.mkdir(parents=True)
    # No symlink: the engine looks for its language host beside the file that it really is.
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
