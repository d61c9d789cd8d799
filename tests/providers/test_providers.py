"""Only the SDKs of clouds in use are imported, and all clouds have the same files with the same names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLOUDS = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure": "pulumi_azure_native"}
PROGRAM = """
import sys
from pathlib import Path
import pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args): return [args.name + "-id", dict(args.inputs)]
    def call(self, args): return {}

pulumi.runtime.set_mocks(Mocks(), "prediction-nodes", "dev", preview=True)
from providers.checks import load_checked
from providers.clouds import register
from providers.stack import load_stack
nodes = load_checked("nodes.yaml", "prediction-nodes", "dev").nodes
try:
    register(nodes, load_stack(nodes))
finally:
    print(sorted(name for name in sys.modules if name in ("pulumi_aws", "pulumi_gcp", "pulumi_azure_native")))
"""


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_nodes_yaml_of_one_cloud_imports_only_its_sdk(cloud: str, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM scratch\n")
    model = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
    (tmp_path / "nodes.yaml").write_text(f"nodes: {{alpha: {{model: {model}, cloud: {cloud}, source: m}}}}\n")
    env = {"PYTHONPATH": str(ROOT), "NUMERAI_PUBLIC_ID": "a", "NUMERAI_SECRET_KEY": "b"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().splitlines()[-1] == f"['{CLOUDS[cloud]}']", done.stderr


def _public(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        item.name
        for item in tree.body
        if isinstance(item, ast.ClassDef | ast.FunctionDef) and not item.name.startswith("_")
    }


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("node.py", {"PredictionNode"}),
        ("cluster.py", {"Cluster"}),
        ("image.py", {"Image", "ImageBuild"}),
        ("trigger.py", {"Trigger"}),
        ("limits.py", {"fit", "check"}),
        ("login.py", {"create_login"}),
        ("operations.py", {"Account"}),
        ("doctor.py", {"examine"}),
        ("permissions.py", {"list_files"}),
        ("roles.py", set()),
        ("job_identity.py", {"JobIdentity"}),
    ],
)
def test_three_clouds_one_shape(file: str, names: set[str]) -> None:
    for cloud in CLOUDS:
        assert names <= _public(ROOT / "providers" / cloud / file), f"providers/{cloud}/{file}"
