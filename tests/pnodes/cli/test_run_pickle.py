"""`pnodes run` of a node whose source is a pickle: the checks that Numerai's Model Uploads would make."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from nodefile.pickles import PYTHONS
from sandbox.numerai.app import Numerai
from tests.nodefile.pickled import write
from tests.pnodes.local.project import MODEL_ID, Project

VERSION = f"3.{sys.version_info.minor}"


def put(project: Project, version: str, name: str = "benchmarked") -> Path:
    (project.folder / "nodes.yaml").write_text(
        f'nodes:\n  alice: {{model: {MODEL_ID}, cloud: aws, pickle: model.pkl, python: "{version}"}}\n'
    )
    return write(project.folder / "model.pkl", version, name)


@pytest.mark.skipif(VERSION not in PYTHONS, reason="Numerai has no packages for this Python")
def test_it_predicts_without_submitting_and_says_what_made_it(project: Project, numerai: Numerai) -> None:
    pickle = put(project, VERSION)
    # Packages come from the index, past the sandbox's proxy.
    project.env["PNODES_INSTALL_WITHOUT"] = ",".join(project.env.keys() - {"PATH", "HOME", "TMPDIR"})
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "predicted 500 rows" in done.stdout
    assert "500 of 500 live ids" in done.stderr
    assert "model.pkl fits Model Uploads (1 CPU, 4 GiB, 10 minutes)" in done.stderr
    assert "skipped on this machine" not in done.stderr
    assert len(project.predictions()) == 1
    assert not numerai.submissions()
    assert sorted(path.name for path in project.folder.iterdir() if path.is_file()) == [
        "Pulumi.yaml", "model.pkl", "nodes.yaml",
    ]  # fmt: skip

    pickle.write_bytes(b"\x80\x04\x8c\x10_sklearn_version\x8c\x051.6.10cmy_features\nscale\n.")
    done = project.run()
    assert done.returncode == 1
    assert "the pickle needs the module my_features: add its package to the node's `packages`" in done.stderr
    origin = "model.pkl was created with a Python that it does not name; it uses my_features"
    assert f"{origin}. The run had Python {VERSION}." in " ".join(done.stderr.split())


def test_another_python_cannot_load_it(project: Project) -> None:
    project.env["PATH"] = "/usr/bin:/bin"
    missing = [
        version
        for version in PYTHONS
        if version != VERSION and shutil.which(f"python{version}", path=project.env["PATH"]) is None
    ]
    put(project, missing[0])
    done = project.run()
    assert done.returncode == 1, done.stderr
    assert f"model.pkl needs Python {missing[0]}, which this machine lacks" in done.stderr
    assert "add --container" in done.stderr
