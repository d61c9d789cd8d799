"""The sandbox's daemon: gateway, providers, clouds, Numerai and control API in one process, all on loopback.

`python -m sandbox.daemon --home DIR` runs in the foreground until SIGTERM. When all servers are listening, it writes
DIR/daemon.json (pid, addresses, ports, the CA file, the sandbox's Numerai keys), which the CLI and the tests read.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import httpx
import uvicorn

from sandbox import tunnel
from sandbox.authority import Authority
from sandbox.aws.cloud import AwsCloud
from sandbox.aws.pushes import Pushes as AwsPushes
from sandbox.azure.cloud import AzureCloud
from sandbox.azure.pushes import Pushes as AzurePushes
from sandbox.cli.shell import TRUSTED
from sandbox.cloud import Cloud, Kernel
from sandbox.containers.choice import CHOICES, CannotContainError, Choice, choose
from sandbox.control import control_app
from sandbox.docker_build.plugin import DockerBuildPlugin, LocalDocker
from sandbox.executor import Executor
from sandbox.functions import Functions
from sandbox.gateway import Gateway
from sandbox.gcp import iam
from sandbox.gcp.cloud import GcpCloud
from sandbox.gcp.pushes import Pushes as GcpPushes
from sandbox.inbox import Inbox
from sandbox.network import Network
from sandbox.numerai.app import Numerai
from sandbox.plugin import Plugin
from sandbox.store import Store

_LOG = logging.getLogger(__name__)

# The clouds' SDKs, whose types check the inputs, are some hundred thousand objects that stay. With Python's usual
# thresholds, looking for garbage among them takes a third of the daemon's processor time.
gc.set_threshold(100_000, 50, 100)


class Daemon:
    """All servers of the sandbox: call `start`, wait, then call `stop`."""

    def __init__(self, home: Path, cache: Path, executor: str, clocks: bool = True) -> None:
        self.home, self._cache, self._executor, self._clocks = home, cache, executor, clocks
        self._plugins: list[grpc.Server] = []

    async def start(self) -> dict[str, Any]:
        """Start all servers and return the content of daemon.json."""
        store = Store(self.home)
        ports = store.get("daemon", "ports") or {}
        self._authority = Authority(self.home)
        self.gateway = Gateway(self._authority, self._find_app)
        tunnel.write_trusted(self._authority.ca_file, self.home / TRUSTED)
        await self._listen(ports.get("gateway", 0))
        network = Network(self.gateway.port, self._authority.ca_file)
        # In a thread, so that the gateway keeps answering during the trial of a container engine.
        self.choice: Choice = await asyncio.to_thread(choose, self._executor, self.home, self._cache, store, network)
        _LOG.info("executor: %s (%s)", self.choice.executor, self.choice.reason)
        self.kernel = Kernel(
            home=self.home,
            store=store,
            functions=Functions(self.home, store, network),
            executor=Executor(self.home, store, self.choice.runner),
            images=self.choice.images,
            network=network,
        )
        aws, gcp, azure = AwsCloud(self.kernel), GcpCloud(self.kernel), AzureCloud(self.kernel)
        self.clouds: list[Cloud] = [aws, gcp, azure]
        # The deployer's clients read this file as they would after `gcloud auth application-default login`.
        (self.home / "google-credentials.json").write_text(json.dumps(iam.PERSON))
        docker = LocalDocker(self.kernel, [AwsPushes(aws), GcpPushes(gcp), AzurePushes(azure)])
        self.numerai = Numerai(self.kernel, self._post)
        self.inbox = Inbox(store)
        plugins = {cloud.package: Plugin(cloud) for cloud in self.clouds}
        plugins[docker.package] = DockerBuildPlugin(docker)
        self.step_faults = {package: plugin.step_faults for package, plugin in plugins.items()}
        served = {package: plugin.serve() for package, plugin in plugins.items()}
        self._plugins = [server for server, _ in served.values()]
        for cloud in self.clouds:
            if cloud.clock and self._clocks:
                cloud.clock.start()
        self._calendar = asyncio.create_task(self._tick())
        control = await self._control()
        store.put("daemon", "ports", {"gateway": self.gateway.port})
        return {
            "pid": os.getpid(),
            "control": control,
            "gateway": f"127.0.0.1:{self.gateway.port}",
            "plugins": {package: port for package, (_, port) in served.items()},
            "ca": str(self._authority.ca_file),
            "numerai": {"public_id": self.numerai.public_id, "secret_key": self.numerai.secret_key},
        }

    async def _listen(self, port: int) -> None:
        try:
            await self.gateway.start(port)  # the previous port, so that shells and processes that know it keep working
        except OSError:
            await self.gateway.start()

    async def _control(self) -> str:
        config = uvicorn.Config(control_app(self), host="127.0.0.1", port=0, log_config=None, lifespan="off")
        self._control_server = uvicorn.Server(config)
        self._control_server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        config.load()
        self._control_server.lifespan = config.lifespan_class(config)
        await self._control_server.startup()
        port = self._control_server.servers[0].sockets[0].getsockname()[1]
        self._ticking = asyncio.create_task(self._control_server.main_loop())
        return f"http://127.0.0.1:{port}"

    async def _tick(self) -> None:
        """Every second, let Numerai open rounds and repeat webhook calls that are due."""
        while True:
            await asyncio.sleep(1)
            try:
                await asyncio.to_thread(self.numerai.tick)
            except Exception:  # noqa: BLE001 - a failed round must not prevent later ones
                _LOG.exception("a tick of Numerai's clock failed")

    def _find_app(self, host: str) -> Any:
        owners: Sequence[Any] = (self.numerai, self.inbox, *self.clouds)
        return next((owner.app for owner in owners if owner.owns(host)), None)

    def _post(self, url: str, body: dict[str, Any]) -> tuple[int, float, str]:
        """Call a webhook for Numerai, through the gateway like any other client; return (status, seconds, answer)."""
        proxy = self.kernel.network.proxy("numerai")
        with httpx.Client(proxy=proxy, verify=self._authority.trust(), timeout=30, trust_env=False) as client:
            try:
                answer = client.post(url, json=body)
            except httpx.HTTPError as error:
                return 0, 0.0, repr(error)
            return answer.status_code, answer.elapsed.total_seconds(), answer.text

    async def stop(self) -> None:
        """Stop all servers and processes, and keep the state."""
        self._calendar.cancel()
        for cloud in self.clouds:
            if cloud.clock:
                cloud.clock.stop()
        for plugin in self._plugins:
            plugin.stop(grace=1)
        await self.gateway.stop()
        self._control_server.should_exit = True
        await asyncio.to_thread(self.kernel.executor.stop)
        self.kernel.functions.stop()
        self.choice.stop()
        self.kernel.store.close()


async def _run(home: Path, cache: Path, executor: str, clocks: bool) -> None:
    daemon, stopped = Daemon(home, cache, executor, clocks), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    file = home / "daemon.json"
    try:
        ready = await daemon.start()
    except CannotContainError as error:
        raise SystemExit(f"Jobs cannot run in containers on this machine: {error}.") from None
    scratch = file.with_suffix(".new")
    scratch.touch(0o600)  # it holds the sandbox's keys
    scratch.write_text(json.dumps(ready))
    scratch.replace(file)
    _LOG.info("ready: %s", {key: value for key, value in ready.items() if key != "numerai"})
    await stopped.wait()
    file.unlink(missing_ok=True)
    await daemon.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the daemon until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.daemon", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of this sandbox's state")
    parser.add_argument("--cache", type=Path, help="folder of the jobs' Python environments; by default HOME/cache")
    default = os.environ.get("PNODES_SANDBOX_EXECUTOR") or "auto"
    parser.add_argument("--executor", default=default, help=f"how jobs run: {', '.join(CHOICES)} (default: {default})")
    parser.add_argument(
        "--no-clocks", action="store_true", help="let the clouds' schedulers start something only when POST /tick asks"
    )
    options = parser.parse_args(arguments)
    if options.executor not in CHOICES:
        parser.error(f"--executor: expected one of {', '.join(CHOICES)}, got {options.executor!r}")
    home = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for quiet in ("httpx", "uvicorn.error", "urllib3"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    cache = (options.cache or home / "cache").resolve()
    asyncio.run(_run(home, cache, options.executor, not options.no_clocks))
    gc.freeze()  # so that the exit does not search them once more


if __name__ == "__main__":
    main()
