"""Fake executables and engines, for tests of finding and installing an engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

Executable = Callable[[Path, str], Path]


@pytest.fixture
def executable() -> Executable:
    """Return a function that writes an executable shell script."""

    def write(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def engine_in(executable: Executable) -> Callable[[Path, str], Path]:
    """Return a function that writes a fake engine of a version, with its language host and dynamic provider."""

    def install(folder: Path, version: str) -> Path:
        executable(folder / "pulumi-language-python", "exit 0")
        executable(folder / "pulumi-resource-pulumi-python", "exit 0")
        return executable(folder / "pulumi", f"echo {version}")

    return install
