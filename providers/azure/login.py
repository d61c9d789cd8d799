"""The deploying identity's login to Container Registry, for images that are built on the user's machine."""

from __future__ import annotations

import asyncio

import pulumi
import tenacity

from providers.azure.cluster import Cluster
from providers.azure.repositories import NoAnswer, RegistryApi, RepositoryError
from providers.images.local_build import Login, at_up

# The user name for logins with one of the registry's tokens.
_USER = "00000000-0000-0000-0000-000000000000"


def create_login(cluster: Cluster) -> Login:
    """Return a login whose password is a token of the registry, which is valid for three hours."""

    def request_token() -> pulumi.Output[str]:
        arguments = pulumi.Output.all(cluster.registry.login_server, cluster.token)
        # In a thread, so that the program can register other resources meanwhile.
        return arguments.apply(lambda values: asyncio.to_thread(exchange, *values))

    return Login(_USER, at_up(request_token))


def exchange(server: str, token: str) -> str:
    """Exchange the deploying identity's token for the registry's. Retries while a new registry's name is unknown."""

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(NoAnswer),
        wait=tenacity.wait_fixed(5),
        stop=tenacity.stop_after_delay(90),
        reraise=True,
    )
    def request() -> str:
        return RegistryApi(server, token).refresh_token

    try:
        return request()
    except RepositoryError as error:
        raise pulumi.RunError(str(error)) from error
