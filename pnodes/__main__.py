"""`python -m cli` is `pnodes`, where the project is not installed: in the workflows."""

from cli.main import run

run()
