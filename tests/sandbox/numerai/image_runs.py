"""Runs of an image's program as in its container, against the sandbox's Numerai."""

from __future__ import annotations

import subprocess

from sandbox.images import Image
from sandbox.numerai.app import Numerai
from tests.sandbox.numerai.world import World

# Only Numerai's URL is changed; everything else is the original script.
RUNNER = """
import runpy, sys
import numerapi.base_api
numerapi.base_api.API_TOURNAMENT_URL = sys.argv[1]
sys.path.insert(0, "")
runpy.run_path(sys.argv[2], run_name="__main__")
"""


def run(image: Image, world: World, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(image.environment / "bin" / "python"), "-c", RUNNER, world.url, script],
        cwd=image.root / image.workdir.lstrip("/"),
        # one thread: with so little data, the synchronisation of threads takes longer than the work
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1", **image.env, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def keys(numerai: Numerai) -> dict[str, str]:
    return {"NUMERAI_PUBLIC_ID": numerai.public_id, "NUMERAI_SECRET_KEY": numerai.secret_key}
