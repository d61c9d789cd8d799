"""The deployer's login to Container Registry, for images that are built on the user's machine."""

from __future__ import annotations

import asyncio

import pulumi
import tenacity

from providers.azure.cluster import Cluster
from providers.azure.repositories import NoAnswer, RegistryApi, RepositoryError
from providers.images.local_build import Login, at_up

# What the registry calls everybody who comes with one of its own tokens.
_ANYBODY = "00000000-0000-0000-0000-000000000000"


def login(cluster: Cluster) -> Login:
    """The registry gives a token of its own, good for three hours, in exchange for the deployer's."""

    def ask() -> pulumi.Output[str]:
        known = pulumi.Output.all(cluster.registry.login_server, cluster.token)
        # In a thread: the program goes on registering meanwhile.
        return known.apply(lambda each: asyncio.to_thread(exchange, *each))

    return Login(_ANYBODY, at_up(ask))


def exchange(server: str, token: str) -> str:
    """A registry's token for a deployer's. A registry that was made a moment ago may not be found for a while."""

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(NoAnswer),
        wait=tenacity.wait_fixed(5),
        stop=tenacity.stop_after_delay(90),
        reraise=True,
    )
    def exchanged() -> str:
        return RegistryApi(server, token).refresh_token

    try:
        return exchanged()
    except RepositoryError as error:
        raise pulumi.RunError(str(error)) from error
