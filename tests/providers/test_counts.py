"""What registering a standard fleet takes on each cloud: resources, imported SDK modules, opened files of a model."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nodefile.clouds import REGIONS
from pnodes.engine.paths import ROOT
from tests.counts import assert_counts


@pytest.mark.parametrize("cloud", REGIONS)
def test_what_a_standard_fleet_takes_on(cloud: str) -> None:
    command = [sys.executable, "-m", "tests.providers.registered", cloud]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_counts(f"registering on {cloud}", json.loads(done.stdout))
