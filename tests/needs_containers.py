"""Tests marked `containers` run where containers can be had; elsewhere they are skipped, with the reason.

With PNODES_REQUIRE_CONTAINERS=1, as on the machine that checks each change, the skip is a failure.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from sandbox.containers.base import Bases, NoBaseError
from sandbox.containers.engine import ContainerEngine, NoEngineError, find

_INSTALL = "Debian: apt install podman runc docker-registry mmdebstrap"


def engine_and_bases(home: Path) -> tuple[ContainerEngine, Bases]:
    """An engine that works and what it builds on; else the test is skipped."""
    try:
        engine = find(home)
        bases = Bases(engine)
        bases.available()
    except (NoEngineError, NoBaseError) as error:
        cannot(str(error))
    return engine, bases


def cannot(reason: str) -> NoReturn:
    """Skip and say what to install, or fail where containers are required."""
    if os.environ.get("PNODES_REQUIRE_CONTAINERS") == "1":
        pytest.fail(f"containers are required here, but {reason}", pytrace=False)
    pytest.skip(f"no containers: {reason} ({_INSTALL})")
