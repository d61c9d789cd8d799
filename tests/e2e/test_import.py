"""Importing numerai-cli's API keys into the encrypted settings of a real stack with the real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.world import ROOT
from tests.pnodes.migrate import old
from tests.pulumi_cli import PulumiCli

pytestmark = pytest.mark.e2e
PUBLIC_ID, SECRET = "THEPUBLICIDOFNUMERAI", "THESECRETKEYOFNUMERAI"
KEYS = {"numerai": {"NUMERAI_PUBLIC_ID": PUBLIC_ID, "NUMERAI_SECRET_KEY": SECRET}}


@pytest.fixture
def stack(tmp_path: Path) -> PulumiCli:
    """Create a project with a user's own stack, and a home with one node of numerai-cli."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: mine\nruntime: yaml\n")
    node = old.aws(old.model(folder / "alpha"))
    old.write(tmp_path / "home" / ".numerai", {"numerai-alpha": node}, KEYS)
    env = {
        "HOME": str(tmp_path / "home"),
        "PULUMI_HOME": str(tmp_path / "pulumi"),
        "PULUMI_CONFIG_PASSPHRASE": "my own",
    }
    cli = PulumiCli(folder, {**env, "PYTHONPATH": str(ROOT)})
    cli.run("stack", "init", "live")
    return cli


def pnodes(stack: PulumiCli, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in its own process, as a user does."""
    program = "from pnodes.cli.main import run; run()"
    argv = [sys.executable, "-c", program, *arguments]
    process = subprocess.run(argv, cwd=stack.folder, env=stack.env, capture_output=True, text=True, check=False)
    assert "Traceback" not in process.stderr
    assert SECRET not in process.stdout + process.stderr
    assert PUBLIC_ID not in process.stdout + process.stderr
    return process


def test_keys_are_encrypted_in_the_stack_and_nowhere_else(stack: PulumiCli) -> None:
    process = pnodes(stack, "import", "--json")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["keys"]["moved"]
    assert stack.run("config", "get", "numerai-public-id").strip() == PUBLIC_ID
    assert stack.run("config", "get", "numerai-secret").strip() == SECRET
    settings = (stack.folder / "Pulumi.live.yaml").read_text()
    assert settings.count("secure: v1:") == 2
    for path in stack.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path

    # Existing settings are kept, even if the file now has other keys.
    old.write(Path(stack.env["HOME"]) / ".numerai", None, json.dumps(KEYS).replace(SECRET, "ANOTHERSECRET"))
    again = pnodes(stack, "import", "--only-keys")
    assert again.returncode == 0, again.stderr
    assert "the stack live already has numerai-public-id and numerai-secret" in again.stdout
    assert (stack.folder / "Pulumi.live.yaml").read_text() == settings

    # The keys of another account get their own names.
    result = pnodes(stack, "import", "--only-keys", "--account", "fund")
    assert result.returncode == 0, result.stderr
    assert stack.run("config", "get", "numerai-secret-fund").strip() == "ANOTHERSECRET"


def test_neither_file_nor_keys_when_one_of_them_fails(stack: PulumiCli) -> None:
    before = (stack.folder / "Pulumi.live.yaml").read_text()
    stack.env["PULUMI_CONFIG_PASSPHRASE"] = "wrong"
    process = pnodes(stack, "import")
    assert process.returncode == 1, process.stderr
    assert "The passphrase in the environment is not this stack's." in process.stderr
    assert not (stack.folder / "nodes.yaml").exists()
    assert (stack.folder / "Pulumi.live.yaml").read_text() == before
    stack.env["PULUMI_CONFIG_PASSPHRASE"] = "my own"
    (stack.folder / "nodes.yaml").write_text("nodes: {numerai-alpha: {model: a, cloud: moon}}\n")
    result = pnodes(stack, "import")
    assert result.returncode == 2, result.stderr
    assert (stack.folder / "Pulumi.live.yaml").read_text() == before


def test_without_a_stack(stack: PulumiCli) -> None:
    stack.run("stack", "unselect")
    process = pnodes(stack, "import")
    assert process.returncode == 1, process.stderr
    assert "cannot be stored" in process.stderr
    assert "--no-keys" in process.stderr
    assert not (stack.folder / "nodes.yaml").exists()
