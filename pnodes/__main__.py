"""`python -m pnodes` is `pnodes`, where the project is not installed: in the workflows."""

from pnodes.cli.main import run

run()
