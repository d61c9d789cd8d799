"""Runs a real registry on 127.0.0.1: images are pushed under their full repository name and pulled by digest.

The program is `docker-registry` (Debian) or `registry` (CNCF Distribution) from PATH, otherwise the registry's public
image, run by the engine. Images are stored in the sandbox's home and survive a restart. The space of deleted images is
reclaimed at the next start.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import httpx

from sandbox.containers.engine import ContainerEngine
from sandbox.store import Store

PROGRAMS = ("docker-registry", "registry")
IMAGE = "docker.io/library/registry:2"
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_CONFIG = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{data}"}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", secret: "sandbox"}}
"""


class NoRegistryError(Exception):
    """No registry can run on this machine; the message gives the reason."""


class Registry:
    """The registry's process, and the requests to it other than the engine's pushes and pulls."""

    def __init__(self, engine: ContainerEngine, home: Path, store: Store) -> None:
        self._engine, self._store = engine, store
        self._home, self._data = home / "registry", home / "registry" / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def address(self) -> str:
        """HOST:PORT, the first part of an image's reference."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the registry, if possible on its previous port, and wait until it answers. Raises NoRegistryError."""
        self._data.mkdir(parents=True, exist_ok=True)
        before = (self._store.get("containers", "registry") or {}).get("port", 0)
        self._port = _choose_port(before)
        config = self._home / "config.yml"
        config.write_text(_CONFIG.format(data=self._data, port=self._port))
        program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
        if program is not None:
            collect = [program, "garbage-collect", "--delete-untagged", str(config)]
            subprocess.run(collect, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            self._begin([program, "serve", str(config)])
        else:
            self._begin(self._container_command(config))
        self._store.put("containers", "registry", {"port": self._port})

    def stop(self) -> None:
        """Stop the registry and keep its images."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of a tag, or of a digest if it exists; None if the registry does not have it."""
        answer = self._ask("HEAD", f"/v2/{repository}/manifests/{reference}")
        return answer.headers["Docker-Content-Digest"] if answer.status_code == httpx.codes.OK else None

    def delete(self, repository: str, digest: str) -> None:
        """Delete an image if it exists."""
        self._ask("DELETE", f"/v2/{repository}/manifests/{digest}")

    def _ask(self, method: str, path: str) -> httpx.Response:
        with httpx.Client(base_url=f"http://{self.address}", trust_env=False, timeout=30) as client:
            return client.request(method, path, headers={"Accept": _MANIFESTS})

    def _container_command(self, config: Path) -> list[str]:
        """Return the command that runs the registry's public image with the same configuration."""
        if not self._engine.has_image(IMAGE) and self._engine.attempt(["pull", IMAGE]).returncode:
            raise NoRegistryError(
                f"there is no registry: neither {' nor '.join(PROGRAMS)} is installed, and {self._engine.name} "
                f"cannot pull {IMAGE}"
            )
        mounts = [f"--volume={self._data}:{self._data}", f"--volume={config}:/etc/docker/registry/config.yml:ro"]
        label = f"--label=prediction-nodes.sandbox={self._home.parent}"
        options = ["--rm", "--network=host", "--security-opt=label=disable", label, *mounts]
        return self._engine.argv("run", *options, IMAGE)

    def _begin(self, argv: list[str]) -> None:
        log_path = self._home / "registry.log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                env=self._engine.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self._ask("GET", "/v2/").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        ended = self._process.poll()
        self.stop()
        state = "did not answer in time" if ended is None else f"ended with exit code {ended}"
        raise NoRegistryError(f"the registry {state}; see {log_path}")


def _choose_port(preferred: int) -> int:
    """Return this port if it is free, otherwise any free port. Raises NoRegistryError."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise NoRegistryError("there is no free port on 127.0.0.1")
