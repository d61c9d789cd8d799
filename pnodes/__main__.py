"""Runs `pnodes` as `python -m pnodes`, for the workflows, which do not install the project."""

from pnodes.cli.main import run

run()
