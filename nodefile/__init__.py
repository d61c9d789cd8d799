"""nodes.yaml as typed values: what the user edits, read strictly, with every mistake named by file, line and column.

`load` gives a `NodeFile` of resolved nodes (defaults merged, paths absolute) or raises `NodeFileError` with all
problems of the file at once. Nothing here knows Pulumi or a cloud: what a cloud cannot do is said by
`providers/<cloud>/limits.py` and collected by `providers/checks.py`.
"""

from nodefile.model import Build, Schedule, Size, Tournament
from nodefile.names import wrong_name
from nodefile.node import Node
from nodefile.parse import NodeFile, load, parse
from nodefile.problems import NodeFileError, Position, Problem

__all__ = [
    "Build",
    "Node",
    "NodeFile",
    "NodeFileError",
    "Position",
    "Problem",
    "Schedule",
    "Size",
    "Tournament",
    "load",
    "parse",
    "wrong_name",
]
