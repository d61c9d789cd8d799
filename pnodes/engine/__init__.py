"""Gets a Pulumi engine onto a machine: a `pulumi` on PATH, else the official download, else a build from the Go proxy.

`ensure()` gives back an `Engine`, installing one into `.tools/` when there is none; `python -m engine` prints its path.
"""

from engine.install import EngineError, ensure
from engine.locate import Engine, find

__all__ = ["Engine", "EngineError", "ensure", "find"]
