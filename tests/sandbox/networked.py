"""One simulated cloud, or Numerai, with its own gateway but without the daemon."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from starlette.types import ASGIApp

from sandbox.authority import Authority
from sandbox.cloud import Cloud, Kernel, Resource
from sandbox.executor import Executor
from sandbox.functions import Functions
from sandbox.gateway import Gateway
from sandbox.images import Images
from sandbox.network import Network
from sandbox.numerai.app import Numerai
from sandbox.plugin import autoname
from sandbox.processes import ProcessRunner
from sandbox.store import Store
from tests.descriptions.every import Checked

AnyCloud = TypeVar("AnyCloud", bound=Cloud)


class Account(Generic[AnyCloud]):
    """A simulated cloud in which tests create resources without the engine."""

    def __init__(self, cloud: AnyCloud, network: Network) -> None:
        self.cloud, self.network = cloud, network

    def make(self, type_: str, logical: str, /, **inputs: Any) -> Resource:
        """Create a resource as the plugin does."""
        handler = self.cloud.handlers[type_]
        if handler.autoname and handler.autoname not in inputs:
            inputs[handler.autoname] = autoname(handler, logical)
        resource = Resource(type_, f"urn::{logical}", logical, "", inputs, copy.deepcopy(inputs))
        handler.create(resource)
        self.cloud.save(resource)
        return resource

    def change(self, old: Resource, **inputs: Any) -> Resource:
        new = replace(old, inputs=old.inputs | inputs, outputs=copy.deepcopy(old.outputs | inputs))
        self.cloud.handlers[old.type].update(old, new)
        self.cloud.save(new)
        return new

    def remove(self, resource: Resource) -> None:
        self.cloud.handlers[resource.type].delete(resource)
        self.cloud.forget(resource)


@contextmanager
def gateway(home: Path, find_app: Callable[[str], ASGIApp | None]) -> Iterator[Network]:
    """Run a gateway that finds the app of a host with `find_app`; yield its network."""
    authority = Authority(home)
    served = Gateway(authority, find_app)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(served.start(), loop).result(10)
    try:
        yield Network(served.port, authority.ca_file)
    finally:
        asyncio.run_coroutine_threadsafe(served.stop(), loop).result(10)
        asyncio.run_coroutine_threadsafe(_end_requests(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_requests() -> None:
    """End the requests whose answers are delayed, so that the threads that served them can end."""
    requests = asyncio.all_tasks() - {asyncio.current_task()}
    for request in requests:
        request.cancel()
    await asyncio.gather(*requests, return_exceptions=True)


@contextmanager
def networked(kernel: Kernel, home: Path, make: Callable[[Kernel], AnyCloud]) -> Iterator[tuple[AnyCloud, Network]]:
    """Serve the cloud that `make` returns under its host names; stop all of its processes at the end.

    The requests of the program and of its triggers are compared with the cloud's own description.
    """
    clouds: list[AnyCloud] = []
    checked = Checked(lambda host: clouds[0].app if clouds[0].owns(host) else None)
    with gateway(home, checked.find_app) as network:
        kernel.executor.stop()
        kernel.network = network
        kernel.functions = Functions(home, kernel.store, network)
        assert isinstance(kernel.images, Images)
        kernel.executor = Executor(home, kernel.store, ProcessRunner(home, kernel.images, network))
        clouds.append(make(kernel))
        try:
            yield clouds[0], network
        finally:
            kernel.executor.stop()
            kernel.functions.stop()
    assert not checked.problems, checked.problems


@dataclass
class NumeraiKernel:
    """The part of the sandbox's kernel that Numerai uses."""

    home: Path
    store: Store
    network: Network


@contextmanager
def networked_numerai(home: Path, **options: Any) -> Iterator[tuple[Numerai, Network]]:
    """Serve a Numerai under its real host names."""
    store = Store(home)
    served: list[Numerai] = []
    with gateway(home, lambda host: served[0].app if served[0].owns(host) else None) as network:
        served.append(Numerai(NumeraiKernel(home, store, network), **options))
        try:
            yield served[0], network
        finally:
            store.close()
