"""The blob service: roles, conditional creation, and separate claims of the nodes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from providers.azure import roles
from sandbox.azure import rbac
from sandbox.azure.identity import STORAGE
from sandbox.cloud import Resource
from tests.sandbox.azure.cloud import Azure

ROLE = "00000000-0000-4000-8000-0000000000aa"
VERSION = {"x-ms-version": "2023-11-03"}
NEW = {**VERSION, "x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}


@pytest.fixture
def container(azure: Azure) -> Resource:
    return azure.container(azure.account("claims12"), "claims")


@pytest.fixture
def url(container: Resource) -> str:
    return f"https://{container['accountName']!s}.blob.core.windows.net/claims"


@pytest.fixture
def alpha(azure: Azure, container: Resource) -> httpx.Client:
    azure.make(
        rbac.DEFINITION,
        "claimer",
        roleDefinitionId=ROLE,
        roleName="claimer",
        scope="/subscriptions/s/resourceGroups/group",
        permissions=[{"actions": [], "dataActions": roles.CLAIMER_DATA_ACTIONS}],
    )
    identity = azure.identity("alpha")
    azure.grant(identity, ROLE, container.id, roles.build_claims_condition("alpha"))
    return azure.http(azure.token(identity, STORAGE))


def code(answer: httpx.Response) -> str:
    return str(answer.headers.get("x-ms-error-code", ""))


def test_a_claim_is_made_read_and_listed_but_never_overwritten(alpha: httpx.Client, url: str) -> None:
    blob = f"{url}/alpha/run-1/1.claim"
    assert alpha.put(blob, content=b"first", headers=NEW).status_code == 201
    for headers in (NEW, {key: value for key, value in NEW.items() if key != "If-None-Match"}):
        again = alpha.put(blob, content=b"second", headers=headers)
        assert again.status_code == 403, again.text
        assert code(again) == "AuthorizationPermissionMismatch"
    assert alpha.get(blob, headers=VERSION).content == b"first"
    assert alpha.head(blob, headers=VERSION).status_code == 200
    listed = alpha.get(f"{url}?restype=container&comp=list&prefix=alpha/run-1/", headers=VERSION)
    assert "<Name>alpha/run-1/1.claim</Name>" in listed.text
    assert alpha.delete(blob, headers=VERSION).status_code == 403


def test_who_may_write_gets_the_condition_s_answer(azure: Azure, container: Resource, url: str) -> None:
    owner = azure.identity("owner")
    azure.grant(owner, roles.STORAGE_BLOB_DATA_OWNER, container.id)
    with azure.http(azure.token(owner, STORAGE)) as client:
        assert client.put(f"{url}/a/b", content=b"1", headers=NEW).status_code == 201
        again = client.put(f"{url}/a/b", content=b"2", headers=NEW)
        assert again.status_code == 409, again.text
        assert code(again) == "BlobAlreadyExists"


def test_of_many_at_once_one_wins(alpha: httpx.Client, url: str) -> None:
    def put(number: int) -> int:
        return alpha.put(f"{url}/alpha/run-2/1.claim", content=str(number).encode(), headers=NEW).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(put, range(8)))
    assert statuses.count(201) == 1


@pytest.mark.parametrize("path", ["/beta/run-1/1.claim", "/alphabet/run-1/1.claim"])
def test_another_node_s_folder_is_closed(alpha: httpx.Client, url: str, path: str) -> None:
    assert alpha.put(f"{url}{path}", content=b"x", headers=NEW).status_code == 403
    assert alpha.get(f"{url}{path}", headers=VERSION).status_code == 403


@pytest.mark.parametrize("prefix", ["", "alpha", "beta/"])
def test_only_the_own_folder_is_listed(alpha: httpx.Client, url: str, prefix: str) -> None:
    answer = alpha.get(f"{url}?restype=container&comp=list&prefix={prefix}", headers=VERSION)
    assert answer.status_code == 403, answer.text


def test_a_token_for_something_else_a_stranger_and_no_token(azure: Azure, alpha: httpx.Client, url: str) -> None:
    identity = azure.cloud.resources("azure-native:managedidentity:UserAssignedIdentity")[0]
    with azure.http(azure.token(identity)) as wrong_audience:
        assert wrong_audience.get(f"{url}/alpha/x", headers=VERSION).status_code == 401
    with azure.http(azure.token(azure.identity("stranger"), STORAGE)) as stranger:
        assert stranger.get(f"{url}/alpha/x", headers=VERSION).status_code == 403
    with azure.http() as nobody:
        assert nobody.get(f"{url}/alpha/x", headers=VERSION).status_code == 401


def test_the_rights_go_with_the_assignment(azure: Azure, alpha: httpx.Client, url: str) -> None:
    azure.remove(azure.cloud.resources(rbac.ASSIGNMENT)[0])
    assert alpha.get(f"{url}/alpha/x", headers=VERSION).status_code == 403
