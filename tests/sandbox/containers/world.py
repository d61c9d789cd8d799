"""Containers for tests: a working engine, a registry, images and jobs."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox.containers.base import Bases
from sandbox.containers.engine import ContainerEngine
from sandbox.containers.images import ContainerImages
from sandbox.containers.registry import NoRegistryError, Registry
from sandbox.containers.runner import ContainerRunner
from sandbox.executor import Executor, JobRun, RunSpec
from sandbox.network import Network
from sandbox.store import Store
from tests.needs_containers import cannot
from tests.sandbox.archives import packed

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
COPY . .
CMD ["python", "main.py"]
"""


@dataclass
class World:
    """`build` and `run` use the real engine and a repository of the test's own; `log` is the last build's output."""

    home: Path
    store: Store
    engine: ContainerEngine
    registry: Registry
    images: ContainerImages
    executor: Executor
    bases: Bases
    repository: str = ""
    log: list[str] = field(default_factory=list)

    def build(self, files: Mapping[str, str], repository: str = "", tag: str = "t1", **args: str) -> str:
        """Build and push an image; return its name with the digest."""
        repository = repository or self.repository
        self.log.clear()
        context = packed({"Dockerfile": DOCKERFILE, **files})
        digest = self.images.build(repository, context, "Dockerfile", args, [tag], self.log.append)
        return f"{repository}@{digest}"

    def submit(self, image: str, **changes: Any) -> str:
        """Start a run and return its id."""
        values: dict[str, Any] = {"cpu": 1.0, "memory_mib": 256, "timeout_seconds": 120, "env": {}} | changes
        run_id = str(uuid.uuid4())
        self.executor.submit(RunSpec("aws", "alpha", run_id, image, **values))
        return run_id

    def run(self, image: str, **changes: Any) -> tuple[JobRun, str]:
        """Run a job until it ends; return the run and its output."""
        run_id = self.submit(image, **changes)
        return self.executor.wait(run_id, 180), self.executor.logs(run_id)

    def python(self, code: str, **changes: Any) -> tuple[JobRun, str]:
        """Run Python code in a container."""
        return self.run(self.build({"main.py": code}), **changes)

    def manifest(self, image: str) -> httpx.Response:
        """Request an image's manifest from the registry."""
        repository, _, digest = image.partition("@")
        accepted = {
            "Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
        }
        address = f"http://{self.registry.address}/v2/{repository}/manifests/{digest}"
        return httpx.get(address, headers=accepted, trust_env=False)

    def blobs(self) -> Iterator[bytes]:
        """Yield everything in the registry: configurations, manifests, and layers unpacked to tar files."""
        for path in (self.home / "registry" / "data").rglob("blobs/**/data"):
            data = path.read_bytes()
            yield gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def world_of(home: Path, engine: ContainerEngine, bases: Bases) -> World:
    """Create a world in a home, which may have been used before."""
    store = Store(home)
    (home / "ca.pem").write_text("the sandbox's authority\n")
    registry = Registry(engine, home, store)
    try:
        registry.start()
    except NoRegistryError as error:
        cannot(str(error))
    images = ContainerImages(engine, registry, bases, store)
    runner = ContainerRunner(engine, home, images, Network(9, home / "ca.pem"))
    return World(home, store, engine, registry, images, Executor(home, store, runner), bases)
