"""The two halves of a dynamic resource: `Resource` in the program, and its `Provider` in Pulumi's provider host."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import dynamic
from pulumi.dynamic.dynamic import PROVIDER_KEY

from providers import patches


class Resource(dynamic.Resource):
    """A resource with one of our providers, named by its kind in `providers.dynamic`."""

    def __init__(
        self, kind: str, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # Not dynamic.Resource's own: it would put the pickled provider, with its module's name, into the state.
        pulumi.CustomResource.__init__(
            self, f"pulumi-python:{self._resource_type_name}", name, {**props, PROVIDER_KEY: reference(kind)}, opts
        )


def reference(kind: str) -> str:
    """The call `providers.dynamic.load_provider(kind)` as a pickle: the same bytes with every version of Python."""
    return base64.b64encode(f"cproviders.dynamic\nload_provider\n(V{kind}\ntR.".encode()).decode()


class Provider(dynamic.ResourceProvider):
    """What our providers have in common. The host configures each one once, before it uses it."""

    _config: dynamic.Config | None = None

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Keep the stack's configuration and patch the host."""
        patches.patch_provider_host()
        self._config = req.config

    def setting(self, name: str) -> Any:
        """A value of the stack's configuration: the project's own, or a provider's such as `aws:profile`."""
        return self._config.get(name) if self._config else None
