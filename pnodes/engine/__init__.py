"""Provide a Pulumi engine: a `pulumi` on PATH, else the official download, else a build from the Go module proxy.

`ensure()` returns an `Engine` and installs one into `.tools/` if necessary; `python -m pnodes.engine` prints its path.
"""

from pnodes.engine.install import EngineError, ensure
from pnodes.engine.locate import Engine, find

__all__ = ["Engine", "EngineError", "ensure", "find"]
