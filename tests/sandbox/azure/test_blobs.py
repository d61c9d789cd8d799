"""The blob service: roles, conditional creation, listing containers, and their names and metadata."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from providers.azure import roles
from sandbox.azure import rbac
from sandbox.azure.identity import STORAGE
from sandbox.azure.storage import CONTAINER
from sandbox.cloud import CloudError, Resource
from tests.sandbox.azure.cloud import Azure
from tests.sandbox.azure.function import TRIGGER_ROLE, make_trigger_role

VERSION = {"x-ms-version": "2023-11-03"}
NEW = {**VERSION, "x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}


@pytest.fixture
def container(azure: Azure) -> Resource:
    return azure.container(azure.account("claims12"), "claims-alpha")


@pytest.fixture
def account_url(container: Resource) -> str:
    return f"https://{container['accountName']!s}.blob.core.windows.net"


@pytest.fixture
def url(account_url: str) -> str:
    return f"{account_url}/claims-alpha"


@pytest.fixture
def trigger(azure: Azure, container: Resource) -> httpx.Client:
    make_trigger_role(azure)
    identity = azure.identity("trigger")
    group = container.id.split("/providers/")[0]
    azure.grant(identity, TRIGGER_ROLE, group, roles.TRIGGER_CONDITION)
    return azure.http(azure.token(identity, STORAGE))


def code(answer: httpx.Response) -> str:
    return str(answer.headers.get("x-ms-error-code", ""))


def test_a_claim_is_made_read_and_listed_but_never_overwritten(trigger: httpx.Client, url: str) -> None:
    blob = f"{url}/run-1/1.claim"
    assert trigger.put(blob, content=b"first", headers=NEW).status_code == 201
    for headers in (NEW, {key: value for key, value in NEW.items() if key != "If-None-Match"}):
        again = trigger.put(blob, content=b"second", headers=headers)
        assert again.status_code == 403, again.text
        assert code(again) == "AuthorizationPermissionMismatch"
    assert trigger.get(blob, headers=VERSION).content == b"first"
    assert trigger.head(blob, headers=VERSION).status_code == 200
    listed = trigger.get(f"{url}?restype=container&comp=list&prefix=run-1/", headers=VERSION)
    assert "<Name>run-1/1.claim</Name>" in listed.text
    assert trigger.delete(blob, headers=VERSION).status_code == 403


def test_who_may_write_gets_the_condition_s_answer(azure: Azure, container: Resource, url: str) -> None:
    owner = azure.identity("owner")
    azure.grant(owner, roles.STORAGE_BLOB_DATA_OWNER, container.id)
    with azure.http(azure.token(owner, STORAGE)) as client:
        assert client.put(f"{url}/a/b", content=b"1", headers=NEW).status_code == 201
        again = client.put(f"{url}/a/b", content=b"2", headers=NEW)
        assert again.status_code == 409, again.text
        assert code(again) == "BlobAlreadyExists"


def test_of_many_at_once_one_wins(trigger: httpx.Client, url: str) -> None:
    def put(number: int) -> int:
        return trigger.put(f"{url}/run-2/1.claim", content=str(number).encode(), headers=NEW).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(put, range(8)))
    assert statuses.count(201) == 1


@pytest.mark.parametrize("name", ["packages", "other-claims-alpha", "claims"])
def test_a_container_of_another_purpose_is_closed(
    azure: Azure, container: Resource, trigger: httpx.Client, account_url: str, name: str
) -> None:
    azure.make(CONTAINER, name, **{**container.inputs, "containerName": name})
    assert trigger.put(f"{account_url}/{name}/x", content=b"x", headers=NEW).status_code == 403
    assert trigger.get(f"{account_url}/{name}/x", headers=VERSION).status_code == 403
    assert trigger.get(f"{account_url}/{name}?restype=container&comp=list", headers=VERSION).status_code == 403


def list_containers(client: httpx.Client, account_url: str, **query: str) -> dict[str, dict[str, str]]:
    """Return the metadata by container."""
    found, marker = {}, ""
    while True:
        answer = client.get(account_url, params={"comp": "list", "marker": marker, **query}, headers=VERSION)
        assert answer.status_code == 200, answer.text
        page = ET.fromstring(answer.text)
        for item in page.iterfind("Containers/Container"):
            found[item.findtext("Name") or ""] = {each.tag: each.text or "" for each in item.iterfind("Metadata/*")}
        marker = page.findtext("NextMarker") or ""
        if not marker:
            return found


def test_containers_are_listed_with_their_metadata(
    azure: Azure, container: Resource, trigger: httpx.Client, account_url: str
) -> None:
    azure.container(azure.account("other12"), "claims-other")
    beta = azure.make(
        CONTAINER, "beta", **{**container.inputs, "containerName": "claims-beta"}, metadata={"a_b": "1 <2"}
    )
    azure.make(CONTAINER, "x", **{**container.inputs, "containerName": "packages"})
    mine = {"claims-alpha": {}, "claims-beta": {"a_b": "1 <2"}}
    assert list_containers(trigger, account_url, include="metadata", prefix="claims-") == mine
    assert list_containers(trigger, account_url, include="metadata", prefix="claims-", maxresults="1") == mine
    assert list_containers(trigger, account_url) == {"claims-alpha": {}, "claims-beta": {}, "packages": {}}
    azure.change(beta, metadata={"c": "3"})
    assert list_containers(trigger, account_url, include="metadata", prefix="claims-b") == {"claims-beta": {"c": "3"}}


def test_a_role_on_a_container_does_not_list_the_account_s(azure: Azure, container: Resource, account_url: str) -> None:
    make_trigger_role(azure)
    narrow = azure.identity("narrow")
    azure.grant(narrow, TRIGGER_ROLE, container.id, roles.TRIGGER_CONDITION)
    with azure.http(azure.token(narrow, STORAGE)) as client:
        assert client.get(account_url, params={"comp": "list"}, headers=VERSION).status_code == 403


@pytest.mark.parametrize("name", ["a", "Claims-a", "claims--a", "claims-", "a" * 64, "claims_a"])
def test_names_that_a_container_cannot_have(azure: Azure, container: Resource, name: str) -> None:
    with pytest.raises(CloudError, match="InvalidResourceName"):
        azure.make(CONTAINER, "x", **{**container.inputs, "containerName": name})


@pytest.mark.parametrize("metadata", [{"model-id": "x"}, {"1a": "x"}, {"a": ""}, {"a": " x"}, {"a": "\u00e4"}])
def test_metadata_that_azure_refuses(azure: Azure, container: Resource, metadata: dict[str, str]) -> None:
    with pytest.raises(CloudError, match="InvalidMetadata"):
        azure.change(container, metadata=metadata)


def test_a_token_for_something_else_a_stranger_and_no_token(azure: Azure, trigger: httpx.Client, url: str) -> None:
    identity = azure.cloud.resources("azure-native:managedidentity:UserAssignedIdentity")[0]
    with azure.http(azure.token(identity)) as wrong_audience:
        assert wrong_audience.get(f"{url}/x", headers=VERSION).status_code == 401
    with azure.http(azure.token(azure.identity("stranger"), STORAGE)) as stranger:
        assert stranger.get(f"{url}/x", headers=VERSION).status_code == 403
    with azure.http() as nobody:
        assert nobody.get(f"{url}/x", headers=VERSION).status_code == 401


def test_the_rights_go_with_the_assignment(azure: Azure, trigger: httpx.Client, url: str) -> None:
    azure.remove(azure.cloud.resources(rbac.ASSIGNMENT)[0])
    assert trigger.get(f"{url}/x", headers=VERSION).status_code == 403
