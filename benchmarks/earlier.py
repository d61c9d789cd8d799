"""The program as it was at an earlier commit, in the sandbox of today and with the packages that it locked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cached_property
from importlib import metadata
from pathlib import Path

from pnodes.engine.paths import ROOT, TOOLS

COMMIT = "876a2ede54ae3dfd4c800a90c73c426d5524541e"
"""The commit against which the redesign of the trigger is measured."""
_NOT_THE_PROGRAM = shutil.ignore_patterns("nodes.yaml", "Pulumi*.yaml", "tests", "docs", "examples", ".*")


class Checkout:
    """The files of a commit."""

    def __init__(self, folder: Path, commit: str = COMMIT) -> None:
        self.folder, self._commit = folder, commit
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
        if archive.returncode:
            reason = archive.stderr.decode().strip()
            raise SystemExit(f"This checkout has no commit {commit[:7]} to compare with ({reason}). Fetch its history.")
        folder.mkdir(parents=True)
        subprocess.run(["tar", "-x"], input=archive.stdout, cwd=folder, check=True)

    def copy_into(self, folder: Path) -> None:
        """Copy the program into a project's folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=_NOT_THE_PROGRAM)

    @cached_property
    def python(self) -> Path:
        """The interpreter with the commit's packages: this one's if they are the same."""
        if self._is_satisfied():
            return Path(sys.prefix) / "bin" / "python"
        environment = TOOLS / f"benchmarks-{self._commit[:12]}"
        ready = environment / ".ready"
        if not ready.exists():
            uv = shutil.which("uv") or str(Path(sys.prefix) / "bin" / "uv")
            python = environment / "bin" / "python"
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment], check=True)
            locked = ["--require-hashes", str(self.folder / "requirements.txt")]
            subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, *locked], check=True)
            ready.touch()
        return environment / "bin" / "python"

    def _is_satisfied(self) -> bool:
        locked = (self.folder / "requirements.txt").read_text(encoding="utf-8")
        pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?! *;)", locked, re.MULTILINE)
        installed = {item.name.lower().replace("_", "-"): item.version for item in metadata.distributions()}
        return all(installed.get(name) == version for name, version in pins)
