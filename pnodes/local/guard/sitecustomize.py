"""Keep numerapi from submitting, in every Python process with this folder on PYTHONPATH.

Any Python from 3.9 on in the user's image may load this module, so it uses only the standard library.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120


class _Finder:
    """Finds numerapi's modules as Python does, and applies the guard after they are loaded."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != "numerapi":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return spec
        load = spec.loader.exec_module

        def load_and_guard(module: ModuleType) -> None:
            load(module)
            import numerapi_guard

            numerapi_guard.guard(module)

        spec.loader.exec_module = load_and_guard  # type: ignore[method-assign]
        return spec


def _load_shadowed() -> None:
    """Load the image's own sitecustomize, if it has one."""
    elsewhere = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _Finder)
_load_shadowed()
