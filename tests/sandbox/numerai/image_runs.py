"""Runs of an image's program as in its container, against the sandbox's Numerai."""

from __future__ import annotations

import atexit
import functools
import subprocess
from pathlib import Path

from sandbox.images import Image
from sandbox.numerai.app import Numerai
from tests.preloaded import Preloaded
from tests.sandbox.numerai.world import World

# Only Numerai's URL is changed; everything else is the original script.
RUNNER = """
import runpy, sys
import numerapi.base_api
numerapi.base_api.API_TOURNAMENT_URL = sys.argv[1]
sys.path.insert(0, "")
runpy.run_path(sys.argv[2], run_name="__main__")
"""


# Importing these takes longer than the rest of a run. Each environment has the last or the one before it.
_MODULES = ("numerapi", "pandas", "pyarrow.parquet")
_LEARNING = ("sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline")
# One thread: with so little data, the synchronisation of threads takes longer than the work.
_ENV = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"}


@functools.cache
def _preload(environment: Path) -> Preloaded:
    """Start a process of an environment, for all runs of its images."""
    modules = _LEARNING if list(environment.glob("lib/python*/site-packages/sklearn")) else ("lightgbm",)
    preloaded = Preloaded(environment / "bin" / "python", (*_MODULES, *modules), _ENV)
    atexit.register(preloaded.close)
    return preloaded


def run(image: Image, world: World, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    folder = image.root / image.workdir.lstrip("/")
    variables = {**_ENV, **image.env, **env}
    return _preload(image.environment).run(RUNNER, world.url, script, cwd=folder, env=variables, timeout=300)


def keys(numerai: Numerai) -> dict[str, str]:
    return {"NUMERAI_PUBLIC_ID": numerai.public_id, "NUMERAI_SECRET_KEY": numerai.secret_key}
