"""Started by the engine as `python policies ENGINE`: serves the pack, with its checkout on the module path."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "pnodes").is_dir():
    sys.exit(
        f"The policy pack at {ROOT / 'policies'} is without the checkout that it belongs to: it reads nodes and their "
        "cost with `nodefile`, `providers` and `pnodes` beside it. Name it by --policy-pack in a checkout."
    )
sys.path[0] = str(ROOT)  # instead of policies/ itself, which Python puts there

from policies.serve import serve  # noqa: E402 - found there

serve()
