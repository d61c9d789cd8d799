"""What a stood-in cloud is to the kernel: handlers of resource types, functions, and an ASGI app for its hosts."""

from __future__ import annotations

import abc
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from sandbox.executor import Executor
    from sandbox.functions import Functions
    from sandbox.images import Repositories
    from sandbox.network import Network
    from sandbox.store import Store


class CloudError(Exception):
    """A create, update, delete or invoke that the cloud refuses; the engine shows the sentence."""


@dataclass
class Resource:
    """One resource as its handler sees it: plain values; archives as {file name: bytes}, assets as bytes."""

    type: str
    urn: str
    name: str
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, output: str) -> Any:
        return self.outputs[output]


class Handler:
    """How one resource type behaves; subclasses override what differs from "store it and give it a name"."""

    autoname: str | None = None
    """The input that the real provider names by itself when it is absent."""
    autoname_separator: str = "-"
    autoname_hex: int = 7
    replace_on: frozenset[str] = frozenset()
    """Properties (top level, wire names) whose change replaces, beside those that the schema marks."""
    delete_before_replace: bool = False

    def check(self, _inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        """(property, reason) for what the real provider refuses at plan. Unknown values are sandbox.values.UNKNOWN."""
        return ()

    def create(self, resource: Resource) -> None:
        """Set `resource.id` and add computed outputs; `resource.outputs` starts as a copy of the inputs."""
        resource.id = str(resource.outputs.get(self.autoname or "name") or f"{resource.name}-{secrets.token_hex(4)}")

    def update(self, _old: Resource, _resource: Resource) -> None:
        """Adjust `resource.outputs`, which starts as the old outputs overlaid with the new inputs."""

    def delete(self, _resource: Resource) -> None:
        """Undo what create did outside of the resource itself."""

    def previewed(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Outputs that a preview knows: the inputs, but where the provider gives one back in another shape."""
        return inputs

    def recomputed(self, _old_inputs: dict[str, Any], _inputs: dict[str, Any]) -> set[str]:
        """Outputs that the preview of this update cannot know."""
        return set()


@dataclass
class Kernel:
    """What all clouds share."""

    home: Path
    store: Store
    functions: Functions
    executor: Executor
    images: Repositories[Any]
    """Any: only the executor that runs an image knows what it consists of."""
    network: Network


_CONFIG = "provider-configuration"
_PLACES = ("region", "project", "subscriptionId", "tenantId", "location")


class Cloud(abc.ABC):
    """One cloud."""

    name: ClassVar[str]
    package: ClassVar[str]
    handlers: Mapping[str, Handler]
    app: ASGIApp

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.config: dict[str, Any] = kernel.store.get(_CONFIG, self.package) or {}
        """The provider's configuration as the engine sent it last (region, project, ...)."""

    def configure(self, config: dict[str, Any]) -> None:
        """Take a configuration. Where things are outlives a restart, which people's tools need at once; who asks, and
        with which secrets, does not."""
        self.config = config
        self.kernel.store.put(_CONFIG, self.package, {name: config[name] for name in _PLACES if name in config})

    @abc.abstractmethod
    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """A provider function such as aws:index/getCallerIdentity:getCallerIdentity."""

    @abc.abstractmethod
    def owns(self, host: str) -> bool:
        """Whether requests to this host name (lower case, no port) are for this cloud."""

    def start(self) -> None:  # noqa: B027 - most clouds have nothing to start
        """Begin what runs by itself (schedulers), after a start or restart of the daemon."""

    def stop(self) -> None:  # noqa: B027
        """End what `start` began."""

    def _kind(self) -> str:
        return f"resources:{self.package}"

    def resources(self, type_: str = "") -> list[Resource]:
        """The resources that exist, of one type or all."""
        found = (Resource(**doc) for doc in self.kernel.store.all(self._kind()).values())
        return [resource for resource in found if not type_ or resource.type == type_]

    def find(self, type_: str, **outputs: Any) -> Resource | None:
        """The resource of a type whose outputs have these values."""
        for resource in self.resources(type_):
            if all(resource.outputs.get(key) == value for key, value in outputs.items()):
                return resource
        return None

    def get(self, type_: str, id_: str) -> Resource | None:
        """A resource by type and id."""
        doc = self.kernel.store.get(self._kind(), f"{type_} {id_}")
        return Resource(**doc) if doc else None

    def save(self, resource: Resource) -> None:
        """Write a resource as it is now."""
        self.kernel.store.put(self._kind(), f"{resource.type} {resource.id}", vars(resource))

    def forget(self, resource: Resource) -> None:
        """Remove a resource's record."""
        self.kernel.store.delete(self._kind(), f"{resource.type} {resource.id}")
