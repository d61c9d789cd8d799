"""Registers nodes.yaml texts on any cloud under Pulumi's mocks."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

from docs.generate.recorder import Program, make_model, register

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c0"


def run(cloud: str, text: str, folder: Path) -> Program:
    """Return what a file registers; in its text, {cloud} is the cloud and {model} a model's id but its last digit."""
    with contextlib.chdir(folder):
        if not (folder / "m").exists():
            make_model(folder)
        mocks = importlib.import_module(f"docs.generate.mocks.{cloud}").Mocks()
        return Program(*register(mocks, text.format(cloud=cloud, model=MODEL), "prediction-nodes", "dev"))
