"""Fake executables, and a folder for the engine, for tests of how an engine is found and installed."""

from collections.abc import Callable
from pathlib import Path

import pytest

Executable = Callable[[Path, str], Path]


@pytest.fixture
def executable() -> Executable:
    """Writes a shell script that can be run."""

    def write(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def engine_in(executable: Executable) -> Callable[[Path, str], Path]:
    """Puts a fake engine of a version, with its language host and dynamic provider, into a folder."""

    def install(folder: Path, version: str) -> Path:
        executable(folder / "pulumi-language-python", "exit 0")
        executable(folder / "pulumi-resource-pulumi-python", "exit 0")
        return executable(folder / "pulumi", f"echo {version}")

    return install
