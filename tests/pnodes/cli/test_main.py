"""The commands of `pnodes`, with the project installed and, as in the workflows, without."""

from __future__ import annotations

import subprocess
import sys

from pnodes.engine.paths import ROOT
from tests.pnodes_command import Pnodes

OWN = (
    *("validate", "new", "run", "cost", "diff", "import", "status", "logs", "dashboard", "test", "trigger", "stop"),
    *("release", "doctor", "engine"),
)


def listed(text: str) -> list[str]:
    lines = text[text.index("Commands:") :].splitlines()[1:]
    return [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]


def test_the_sandboxs_commands_plug_in_after_the_others_of_their_kind(pnodes: Pnodes) -> None:
    assert listed(pnodes("--help").stdout) == [*OWN, "demo", "ci", "sandbox"]


def test_where_the_project_is_not_installed_there_are_no_others() -> None:
    code = (
        "import importlib.metadata, sys; importlib.metadata.entry_points = lambda **_: (); "
        "import runpy; sys.argv = ['pnodes', '--help']; runpy.run_module('pnodes', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert listed(done.stdout) == [*OWN, "ci"]
