"""Serves the pack with its checkout on the module path. The engine starts it as `python policies ENGINE`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "pnodes").is_dir():
    sys.exit(
        f"The policy pack at {ROOT / 'policies'} is not in a checkout of the project, but it needs `nodefile`, "
        "`providers` and `pnodes` next to it to read nodes and their costs. Use it with --policy-pack in a checkout."
    )
sys.path[0] = str(ROOT)  # replaces policies/, which Python adds

from policies.serve import serve  # noqa: E402 - needs the changed sys.path

serve()
