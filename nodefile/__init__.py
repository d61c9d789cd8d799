"""Reads nodes.yaml strictly into typed values and reports every mistake with its file, line and column.

`load` returns a `NodeFile` of resolved nodes (defaults merged, paths absolute) or raises `NodeFileError` with all
problems of the file at once. This package uses neither Pulumi nor a cloud: the limits of the clouds are in
`providers/<cloud>/limits.py`, and `providers/checks.py` collects their violations.
"""

from nodefile.model import Build, Schedule, Size, Tournament
from nodefile.names import check_name
from nodefile.node import Node
from nodefile.node_file import NodeFile
from nodefile.parse import load, parse
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
    "check_name",
    "load",
    "parse",
]
