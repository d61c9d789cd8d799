"""A project with one node, the environment of a person with secrets, and Numerai behind the sandbox's gateway."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numerapi
import pytest

from pnodes.engine.paths import ROOT
from sandbox.authority import Authority
from sandbox.gateway import Gateway
from sandbox.network import Network
from sandbox.numerai.app import HOSTS, Numerai
from sandbox.store import Store

MODEL_ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
PACKAGES = str(Path(numerapi.__file__).parents[1])
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


@dataclass
class Project:
    """A folder with nodes.yaml and one model; `run` is `pnodes run` in a process of its own."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def model(self) -> Path:
        return self.folder / "model"

    def node(self, **more: str) -> None:
        """Writes nodes.yaml with the node `alice`; values are YAML."""
        keys = {"model": MODEL_ID, "cloud": "aws", "source": "model", **more}
        lines = [f"    {key}: {value}" for key, value in keys.items()]
        (self.folder / "nodes.yaml").write_text("\n".join(["nodes:", "  alice:", *lines, ""]))

    def write(self, **files: str) -> None:
        """Writes the model's files; `predict` is predict.py, `Dockerfile` itself."""
        for name, text in files.items():
            (self.model / (name if name == "Dockerfile" else f"{name}.py")).write_text(text)

    def command(self, *arguments: str) -> list[str]:
        code = "from pnodes.cli.main import run; run()"
        return [sys.executable, "-c", code, "run", "alice", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120
        )

    def predictions(self) -> list[Path]:
        return sorted((self.folder / ".pnodes" / "alice").glob("predictions-*"))


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path / "project"
    (folder / "model").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    # One cache for all tests: most nodes here need the same, empty Python environment.
    cache = tmp_path_factory.getbasetemp() / "cache"
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
    found = Project(folder, {**inherited, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache), **SECRETS})
    found.node()
    found.write(Dockerfile=DOCKERFILE, predict="print('predicted')\n")
    return found


@pytest.fixture
def numerai(project: Project, tmp_path: Path) -> Iterator[Numerai]:
    """Numerai for the project's shell: reached by its real host names through the sandbox's proxy."""
    home = tmp_path / "sandbox"
    authority, store = Authority(home), Store(home)
    served: list[Numerai] = []
    gateway = Gateway(authority, lambda host: served[0].app if host in HOSTS else None)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(gateway.start(), loop).result(10)
    network = Network(gateway.port, authority.ca_file)

    @dataclass
    class Kernel:
        home: Path
        store: Store
        network: Network

    served.append(Numerai(Kernel(home, store, network)))
    served[0].open_round()
    project.env |= network.environment("deployer")
    yield served[0]
    asyncio.run_coroutine_threadsafe(gateway.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    store.close()
