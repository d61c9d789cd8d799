"""Gets a Pulumi engine onto a machine: a `pulumi` on PATH, else the official download, else a build from the Go proxy.

`ensure()` returns an `Engine` and installs one into `.tools/` if there is none; `python -m pnodes.engine` prints its
path.
"""

from pnodes.engine.install import EngineError, ensure
from pnodes.engine.locate import Engine, find

__all__ = ["Engine", "EngineError", "ensure", "find"]
