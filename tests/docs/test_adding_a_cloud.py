"""The examples of the page "Adding a cloud" work: their cloud is checked, priced, examined and previewed."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

import providers
from docs.generate import recorder
from docs.generate.recorder import register
from nodefile import NodeFileError, clouds
from pnodes.ci import needs
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.engine.paths import ROOT
from pnodes.plan.cost import estimate, estimate_shared
from providers.checks import list_notes, load_checked
from providers.clouds import find_cloud
from providers.findings import Level, Place
from providers.operations import NoCredentials
from providers.permissions import Way

PAGE = (ROOT / "docs" / "adding-a-cloud.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```python\n# (providers/fog/\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
NODES = """\
nodes:
  alpha: {model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01, cloud: fog, source: m, size: gen-md}
"""


class Mocks(recorder.Mocks):
    """Returns the outputs of Fog's provider: the inputs and an id."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return f"{name}-id", inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"Fog has no function {args.token}")


@pytest.fixture
def fog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Create a project with the page's cloud in the current folder."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path / "providers")])
    monkeypatch.setitem(clouds.REGIONS, "fog", "north-1")
    monkeypatch.chdir(tmp_path)
    recorder.make_model(tmp_path)
    (tmp_path / "nodes.yaml").write_text(NODES)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("providers.fog")]:
        del sys.modules[name]


def test_its_nodes_are_checked_and_rejected_with_the_reason(fog: Path) -> None:
    assert list_notes(load_checked("nodes.yaml")) == {
        "alpha": "raised to 4 vCPU / 8 GiB, the next machine that Fog has"
    }
    (fog / "nodes.yaml").write_text(NODES.replace("gen-md", 'cpu-md, schedule: "0 13 * * *"'))
    with pytest.raises(NodeFileError) as caught:
        load_checked("nodes.yaml")
    assert "schedule: Fog has no scheduler: remove `schedule`, or use another cloud" in str(caught.value)


def test_it_is_previewed(fog: Path) -> None:
    resources, nodes = register(Mocks(), NODES, "prediction-nodes", "dev")
    program = recorder.Program(resources, nodes)
    assert sorted((each.type, each.name) for each in program.list_owned("alpha")) == [
        ("fog:index:Image", "alpha"),
        ("fog:index:Job", "alpha"),
        ("fog:index:Trigger", "alpha"),
    ]
    assert [each.type for each in program.list_owned("fog-north-1")] == ["fog:index:Queue"]
    assert program.find(":Job", "alpha").inputs["cpu"] == 4
    assert "keys" in " ".join(program.find(":Queue", "fog-north-1").secrets)


def test_everything_else_supports_it(fog: Path) -> None:
    (node,) = load_checked("nodes.yaml").nodes
    assert estimate(node, 600).month is not None
    assert [(each.cloud, each.month) for each in estimate_shared([node])] == [("fog", 1.0)]
    found = list(find_cloud("fog").examine(Place("fog", "north-1", (node,), {"fog:token": "t"}.get)))
    assert [each.level for each in found] == [Level.OK]
    facts = {"cloud": "fog", "region": "north-1", "job": "job", "tournament": "classic", "model_id": "m"}
    deployed = DeployedStack([({"nodes": {"alpha": facts}}, {})], "p")
    with pytest.raises(NoCredentials, match="fog login"):
        Accounts(deployed).of(deployed.node("alpha"))
    permissions = importlib.import_module("providers.fog.permissions")
    assert {name for name, _ in permissions.list_files()} == {f"fog-{way}.json" for way in Way}
    wanted = needs.find_needs(fog, {"PULUMI_BACKEND_URL": "fog://state", "PULUMI_STACK": "live"}, "PREVIEW")
    assert wanted.clouds == ("fog",)
    assert [each for each in wanted.missing if "Fog needs the variable FOG_PREVIEW_ROLE, which is not set" in each], (
        wanted.missing
    )


def test_the_examples_follow_the_project_s_rules(fog: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "providers"],
        cwd=fog, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
