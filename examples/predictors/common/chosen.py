"""Find the predictor that the variable PREDICTOR names, in predictors/PREDICTOR/predictor.py."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def predictor() -> ModuleType:
    """Import the predictor's module.

    Its folder becomes the working folder, so that it finds `resources/...`. It can import from its folder and common/.
    """
    known = sorted(path.parent.name for path in ROOT.glob("predictors/*/predictor.py"))
    name = os.environ.get("PREDICTOR", "")
    if name not in known:
        sys.exit(
            f'PREDICTOR is "{name}", but the predictors are: {", ".join(known) or "none"}. Set it in nodes.yaml, under '
            "the node's env."
        )
    folder = ROOT / "predictors" / name
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(ROOT / "common")]
    return importlib.import_module("predictor")
