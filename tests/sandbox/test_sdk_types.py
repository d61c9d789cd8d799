"""The resource types of the SDKs, which the stacks of two engines use at the same time."""

from __future__ import annotations

import subprocess
import sys

from pnodes.engine.paths import ROOT

# A process of its own, in which no SDK has been imported, and in which threads take turns as often as possible.
PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from sandbox import sdk_types
types = ["resources:ResourceGroup", "storage:StorageAccount", "app:Job"] * 4
sys.setswitchinterval(1e-5)
with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(lambda name: list(sdk_types.check(f"azure-native:{name}", {})), types))
print([sentence for failures in found for path, sentence in failures if not path])
"""


def test_types_are_found_by_several_threads_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
