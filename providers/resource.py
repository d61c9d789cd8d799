"""The two parts of a dynamic resource: `Resource` in the program, and its `Provider` in Pulumi's provider host."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

import pulumi
from pulumi import dynamic
from pulumi.dynamic.dynamic import PROVIDER_KEY

from providers import patches


class Resource(dynamic.Resource):
    """A resource whose provider has the given kind in `providers.dynamic`."""

    def __init__(
        self, kind: str, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # dynamic.Resource.__init__ would store the pickled provider, with its module's name, in the state.
        inputs = {**props, PROVIDER_KEY: build_reference(kind)}
        pulumi.CustomResource.__init__(self, f"pulumi-python:{self._resource_type_name}", name, inputs, opts)


def build_reference(kind: str) -> str:
    """Return a pickle of the call `providers.dynamic.load_provider(kind)`. Its bytes are the same on all Pythons."""
    return base64.b64encode(f"cproviders.dynamic\nload_provider\n(V{kind}\ntR.".encode()).decode()


class Provider(dynamic.ResourceProvider):
    """The base class of our providers. The host configures each provider once, before its first use."""

    _config: dynamic.Config | None = None

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Store the stack's configuration and patch the host."""
        patches.patch_provider_host()
        self._config = req.config

    def setting(self, name: str) -> Any:
        """Return a setting of the stack's configuration, of this project or of a provider (such as `aws:profile`)."""
        return self._config.get(name) if self._config else None


class TokenProvider(Provider):
    """A provider whose operations need a token of the deploying identity. The token expires, so no state has it."""

    compared: ClassVar[tuple[str, ...]]
    """The inputs whose change is an update. The first one and `suffix` make the id."""
    suffix: ClassVar[str]

    def apply(self, props: dict[str, Any]) -> dict[str, Any]:
        """Create or update the resource. Returns the outputs that are not inputs."""
        raise NotImplementedError

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props[self.compared[0]]}/{self.suffix}", self._apply(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(self._apply(news))

    def _apply(self, props: dict[str, Any]) -> dict[str, Any]:
        outputs = self.apply(props)
        return {key: value for key, value in props.items() if key != "token"} | outputs

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in self.compared))
