"""Fixtures: a project in a user's environment with secrets, and Numerai behind the sandbox's gateway."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT
from sandbox.numerai.app import Numerai
from tests.pnodes.local.project import Project
from tests.sandbox.networked import networked_numerai

DOCKERFILE = """\
FROM python:3-slim
WORKDIR /app
COPY . .
CMD ["python", "predict.py"]
"""
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "of-the-person",
    "GITHUB_TOKEN": "of-the-person",
    "PULUMI_ACCESS_TOKEN": "of-the-person",
}


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path / "project"
    (folder / "model").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    # All tests share one cache, since most nodes need the same, empty Python environment.
    cache = tmp_path_factory.getbasetemp() / "cache"
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
    project = Project(folder, {**inherited, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache), **SECRETS})
    project.node()
    project.write(Dockerfile=DOCKERFILE, predict="print('predicted')\n")
    return project


@pytest.fixture
def numerai(project: Project, tmp_path: Path) -> Iterator[Numerai]:
    """Serve Numerai to the project's shell under its real host names, through the sandbox's proxy."""
    with networked_numerai(tmp_path / "sandbox") as (served, network):
        served.open_round()
        project.env |= network.environment("deployer")
        yield served
