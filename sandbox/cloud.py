"""The interface of a simulated cloud: handlers of resource types, provider functions, and an ASGI app for its hosts."""

from __future__ import annotations

import abc
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.faults import Faults

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from sandbox.clock import Clock
    from sandbox.executor import Executor
    from sandbox.functions import Functions
    from sandbox.images import Repositories
    from sandbox.network import Network
    from sandbox.store import Store


class CloudError(Exception):
    """The cloud refuses a create, update, delete or invoke; the engine shows the message."""


class PartlyCreated(CloudError):
    """The cloud has created or changed the resource, but it is not ready. The engine records it with the message."""


@dataclass
class Resource:
    """One resource with plain values: archives as {file name: bytes}, assets as bytes."""

    type: str
    urn: str
    name: str
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, output: str) -> Any:
        return self.outputs[output]


class Handler:
    """The behaviour of one resource type. The base class only stores the resource and gives it a name."""

    autoname: str | None = None
    """The input that the real provider generates if it is absent."""
    autoname_separator: str = "-"
    autoname_hex: int = 7
    replace_on: frozenset[str] = frozenset()
    """Top-level properties (wire names) whose change replaces the resource, in addition to those in the schema."""
    delete_before_replace: bool = False
    computed: Mapping[str, Collection[str]] = MappingProxyType({})
    """Input -> keys that only the service sets in it, so that they are no drift."""

    def check(self, _inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        """Yield (property, reason) for inputs that the real provider refuses in a preview.

        Unknown values are sandbox.values.UNKNOWN.
        """
        return ()

    def create(self, resource: Resource) -> None:
        """Set `resource.id` and add computed outputs; `resource.outputs` starts as a copy of the inputs."""
        resource.id = str(resource.outputs.get(self.autoname or "name") or f"{resource.name}-{secrets.token_hex(4)}")

    def update(self, _old: Resource, _resource: Resource) -> None:
        """Update `resource.outputs`, which starts as the old outputs overlaid with the new inputs."""

    def delete(self, _resource: Resource) -> None:
        """Undo the effects of `create` outside the resource's record."""

    def locate(self, id_: str, _inputs: dict[str, Any]) -> str:
        """Return the sandbox's id of a resource that the engine adopts by its real id."""
        return id_

    def preview_outputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs that a preview knows: the inputs, in the provider's output form."""
        return inputs

    def unknown_outputs(self, _old_inputs: dict[str, Any], _inputs: dict[str, Any]) -> set[str]:
        """Return the outputs that the preview of this update cannot know."""
        return set()


@dataclass
class Kernel:
    """The parts of the sandbox that all clouds share."""

    home: Path
    store: Store
    functions: Functions
    executor: Executor
    images: Repositories[Any]
    """Any, because an image's type depends on the executor."""
    network: Network


_CONFIG = "provider-configuration"
_PLACES = ("region", "project", "subscriptionId", "tenantId", "location")


class Cloud(abc.ABC):
    """One cloud."""

    name: ClassVar[str]
    package: ClassVar[str]
    handlers: Mapping[str, Handler]
    app: ASGIApp
    clock: Clock | None = None
    """The cloud's scheduler."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.faults = kernel, Faults()
        self.config: dict[str, Any] = kernel.store.get(_CONFIG, self.package) or {}
        """The provider's configuration (region, project, ...) that the engine sent last."""

    def configure(self, config: dict[str, Any]) -> None:
        """Set the configuration, and store its region, project and the like, which clients need right after a restart.

        Credentials are not stored.
        """
        self.config = config
        self.kernel.store.put(_CONFIG, self.package, {name: config[name] for name in _PLACES if name in config})

    @abc.abstractmethod
    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        """Call a provider function such as aws:index/getCallerIdentity:getCallerIdentity."""

    @abc.abstractmethod
    def owns(self, host: str) -> bool:
        """Return whether requests to this host name (lower case, no port) are for this cloud."""

    def send_emails(self) -> None:  # noqa: B027 - most clouds have nothing to do
        """Send the e-mails that are due, on a cloud that reads them from a log."""

    def _kind(self) -> str:
        return f"resources:{self.package}"

    def resources(self, type_: str = "") -> list[Resource]:
        """Return the resources that exist, of one type or of all."""
        # Reading those of other types takes long: a function's record has its archive.
        documents = self.kernel.store.all(self._kind(), f"{type_} " if type_ else "")
        return [Resource(**document) for document in documents.values()]

    def find(self, type_: str, **outputs: Any) -> Resource | None:
        """Find the resource of a type whose outputs have these values."""
        for resource in self.resources(type_):
            if all(resource.outputs.get(key) == value for key, value in outputs.items()):
                return resource
        return None

    def get(self, type_: str, id_: str) -> Resource | None:
        """Return a resource by type and id, or None."""
        doc = self.kernel.store.get(self._kind(), f"{type_} {id_}")
        return Resource(**doc) if doc else None

    def save(self, resource: Resource) -> None:
        """Write a resource's record."""
        self.kernel.store.put(self._kind(), f"{resource.type} {resource.id}", vars(resource))

    def forget(self, resource: Resource) -> None:
        """Delete a resource's record."""
        self.kernel.store.delete(self._kind(), f"{resource.type} {resource.id}")
