"""An Azure registry accepts a push from outside only with its own token of a principal that may push."""

from __future__ import annotations

import pulumi
import pytest

from providers.azure.login import exchange
from providers.azure.repositories import RegistryApi
from sandbox.azure.pushes import USER, Pushes
from sandbox.azure.registry import REGISTRY
from sandbox.calls import Refused
from sandbox.cloud import Resource
from tests.sandbox.azure.cloud import GROUP, Azure


@pytest.fixture
def server(azure: Azure) -> str:
    registry: Resource = azure.make(
        REGISTRY, "images", resourceGroupName=GROUP, location="eastus", sku={"name": "Basic"}
    )
    return str(registry["loginServer"])


def test_the_products_own_exchange_gives_a_password_that_is_taken(azure: Azure, server: str, deployer: str) -> None:
    assert Pushes(azure.cloud).serves(server)
    Pushes(azure.cloud).admit(f"{server}/alpha", USER, exchange(server, deployer))


def test_the_deployers_own_token_is_not_the_password(azure: Azure, server: str, deployer: str) -> None:
    for user, password in ((USER, deployer), (USER, "wrong"), ("somebody", exchange(server, deployer))):
        with pytest.raises(Refused) as refused:
            Pushes(azure.cloud).admit(f"{server}/alpha", user, password)
        assert refused.value.status == 401


def test_who_may_not_push_is_told_so(azure: Azure, server: str, deployer: str) -> None:
    assert deployer
    stranger = azure.token(azure.identity("stranger"))
    with pytest.raises(Refused, match="access to the resource is denied"):
        Pushes(azure.cloud).admit(f"{server}/alpha", USER, exchange(server, stranger))


def test_a_token_that_the_registry_does_not_take_is_a_sentence(server: str, deployer: str) -> None:
    assert deployer
    with pytest.raises(pulumi.RunError, match=r"oauth2/exchange: HTTP 401 .* Expected an identity that may push"):
        exchange(server, "expired")


def test_what_was_pushed_is_listed_newest_first(azure: Azure, server: str, deployer: str) -> None:
    for digest in ("sha256:1", "sha256:2", "sha256:1"):
        Pushes(azure.cloud).record_push(f"{server}/alpha", digest)
    images = RegistryApi(server, deployer).list_images("alpha")
    assert list(images.items()) == [("sha256:1", False), ("sha256:2", False)], "without tags"
