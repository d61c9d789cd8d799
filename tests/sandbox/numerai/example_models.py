"""The Python models of examples/ as images: built from their own Dockerfiles, without a container engine."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from ctypes.util import find_library
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from providers.images.context import BuildContext
from sandbox.cloud import Kernel
from sandbox.images import Image
from tests.sandbox.numerai.world import CLASSIC_MODEL, CRYPTO_MODEL, SIGNALS_MODEL

EXAMPLES = Path(__file__).parents[3] / "examples"


@dataclass(frozen=True)
class Example:
    """A model of examples/: its folder, its build context, a matching model at Numerai, and the rows of a round."""

    source: str
    context: str
    model: str
    rows: int
    env: Mapping[str, str] = field(default_factory=dict)


MODELS = {
    "tournament": Example("tournament-python", "tournament-python", CLASSIC_MODEL, 500),
    "signals": Example("signals-python", "signals-python", SIGNALS_MODEL, 400),
    "crypto": Example("crypto-python", "crypto-python", CRYPTO_MODEL, 300),
    "shared-1": Example("shared-package/model_1", "shared-package", CLASSIC_MODEL, 500),
    "shared-2": Example("shared-package/model_2", "shared-package", CLASSIC_MODEL, 500),
    "pred1": Example("predictors", "predictors", CLASSIC_MODEL, 500, {"PREDICTOR": "pred1"}),
    "pred2": Example("predictors", "predictors", CLASSIC_MODEL, 500, {"PREDICTOR": "pred2"}),
}

HAS_OPENMP = find_library("gomp") or find_library("omp")


def copied(example: Example, folder: Path) -> BuildContext:
    """Return the build context of an example as in git, without models that were trained in this checkout."""
    unwanted = shutil.ignore_patterns("model.joblib", "data", ".venv", "__pycache__")
    root = folder / "context"
    shutil.copytree(EXAMPLES / example.context, root, ignore=unwanted)
    return BuildContext(root, root / Path(example.source).relative_to(example.context) / "Dockerfile")


def built(kernel: Kernel, folder: Path, name: str) -> Image:
    if name == "tournament" and not HAS_OPENMP:
        pytest.skip(
            "LightGBM needs OpenMP, which its Dockerfile installs: here libgomp1, on macOS `brew install libomp`"
        )
    context, log = copied(MODELS[name], folder), list[str]()
    archive = io.BytesIO()
    context.pack(archive)
    digest = kernel.images.build(name, archive.getvalue(), context.dockerfile_name, {}, ["latest"], log.append)
    image = kernel.images.get(name, digest)
    assert isinstance(image, Image), log
    assert image.command == ["python", "predict.py"]
    return image
