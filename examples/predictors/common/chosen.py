"""Finds the predictor that the variable PREDICTOR names: the folder predictors/PREDICTOR, and predictor.py in it."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def predictor() -> ModuleType:
    """Its module. Its folder becomes the working folder, so that `resources/...` is found, and it and common/ are where
    it imports from."""
    known = sorted(path.parent.name for path in ROOT.glob("predictors/*/predictor.py"))
    name = os.environ.get("PREDICTOR", "")
    if name not in known:
        sys.exit(
            f'PREDICTOR is "{name}", and the predictors are: {", ".join(known) or "none"}. Set it in nodes.yaml, under '
            "the node's env."
        )
    folder = ROOT / "predictors" / name
    os.chdir(folder)
    sys.path[:0] = [str(folder), str(ROOT / "common")]
    return importlib.import_module("predictor")
