"""The JSON API of Cloud Storage: roles and conditions, conditional creation, and separate folders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest

from sandbox.cloud import CloudError, Resource
from tests.sandbox.gcp.cloud import BUCKET_MEMBER, Google

BASE = "https://storage.googleapis.com"
NEW = {"uploadType": "media", "ifGenerationMatch": "0"}


@pytest.fixture
def bucket(google: Google) -> Resource:
    return google.bucket("claims-1")


@pytest.fixture
def alpha(google: Google, bucket: Resource) -> httpx.Client:
    account = google.account("trigger")
    google.grant_bucket(account, bucket)
    return google.http(account)


def put(client: httpx.Client, name: str, body: bytes, **query: str) -> httpx.Response:
    return client.post(f"{BASE}/upload/storage/v1/b/claims-1/o", params={**query, "name": name}, content=body)


def get(client: httpx.Client, name: str, **query: str) -> httpx.Response:
    return client.get(f"{BASE}/storage/v1/b/claims-1/o/{quote(name, safe='')}", params=query)


def listed(client: httpx.Client, prefix: str) -> httpx.Response:
    return client.get(f"{BASE}/storage/v1/b/claims-1/o", params={"prefix": prefix})


def test_a_claim_is_made_read_and_listed_but_never_overwritten(alpha: httpx.Client) -> None:
    name = "claims/alpha/run-1/1.claim"
    assert put(alpha, name, b"first", **NEW).status_code == 200
    assert put(alpha, name, b"second", **NEW).status_code == 412
    without = put(alpha, name, b"second", uploadType="media")
    assert without.status_code == 403, without.text
    assert "storage.objects.delete" in without.json()["error"]["message"]
    assert get(alpha, name, alt="media").content == b"first"
    assert get(alpha, name).json()["name"] == name
    assert get(alpha, "claims/alpha/other", alt="media").status_code == 404
    (item,) = listed(alpha, "claims/alpha/run-1/").json()["items"]
    assert item["name"] == name
    assert "items" not in listed(alpha, "claims/alpha/run-2/").json()


def test_of_many_at_once_one_wins(alpha: httpx.Client) -> None:
    def claim(number: int) -> int:
        return put(alpha, "claims/alpha/run-2/1.claim", str(number).encode(), **NEW).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(claim, range(8)))
    assert sorted(statuses) == [200] + [412] * 7


@pytest.mark.parametrize("name", ["table/model/alpha", "claimsX/alpha/run-1/1.claim", "source/trigger.zip"])
def test_other_folders_are_closed_and_rows_cannot_be_written(google: Google, alpha: httpx.Client, name: str) -> None:
    assert put(google.http(), name, b"theirs", uploadType="media").status_code == 200
    assert put(alpha, name + ".new", b"x", **NEW).status_code == 403
    assert get(alpha, name, alt="media").status_code == 403


@pytest.mark.parametrize(("prefix", "status"), [("", 403), ("claims", 403), ("source/", 403), ("table/", 200)])
def test_claims_and_table_are_listed_and_nothing_else(alpha: httpx.Client, prefix: str, status: int) -> None:
    assert listed(alpha, prefix).status_code == status


def test_a_list_has_pages_and_the_times_of_the_last_writes(google: Google, alpha: httpx.Client) -> None:
    names = [f"claims/alpha/run-1/{number}.claim" for number in (3, 1, 2)]
    for name in names:
        assert put(alpha, name, b"x", **NEW).status_code == 200
    url, query = f"{BASE}/storage/v1/b/claims-1/o", {"prefix": "claims/", "maxResults": "2"}
    first = alpha.get(url, params=query).json()
    second = alpha.get(url, params={**query, "pageToken": first["nextPageToken"]}).json()
    items = first["items"] + second["items"]
    assert [item["name"] for item in items] == sorted(names)
    assert "nextPageToken" not in second
    assert sorted(names, key=lambda name: next(item["updated"] for item in items if item["name"] == name)) == names


def test_strangers_and_people_without_a_good_token_get_nothing(google: Google, bucket: Resource) -> None:
    assert listed(google.http(google.account("stranger")), "claims/alpha/").status_code == 403
    assert listed(google.http(token=""), "claims/alpha/").status_code == 401
    assert listed(google.http(token="ya29.made-up"), "claims/alpha/").status_code == 401


def test_the_rights_go_with_the_member(google: Google, bucket: Resource) -> None:
    account = google.account("alpha")
    grant = google.grant_bucket(account, bucket)
    client = google.http(account)
    assert listed(client, "claims/alpha/").status_code == 200
    google.remove(grant)
    assert listed(client, "claims/alpha/").status_code == 403


def test_a_condition_that_the_sandbox_cannot_read_is_refused_when_it_is_made(google: Google, bucket: Resource) -> None:
    with pytest.raises(CloudError, match="Invalid condition expression"):
        google.grant(
            BUCKET_MEMBER,
            google.account("alpha"),
            "roles/storage.objectViewer",
            "request.time < timestamp('2030-01-01T00:00:00Z')",
            bucket="claims-1",
        )


def test_a_bucket_with_objects_is_removed_only_by_force(google: Google) -> None:
    bucket = google.make("gcp:storage/bucket:Bucket", "b", name="careful", location="EU")
    with google.http() as deployer:
        url = f"{BASE}/upload/storage/v1/b/careful/o?uploadType=media&name=x"
        assert deployer.post(url, content=b"x").status_code == 200
    with pytest.raises(CloudError, match="without `force_destroy`"):
        google.remove(bucket)
    google.remove(google.change(bucket, forceDestroy=True))


@pytest.mark.parametrize("name", ["goog-mine", "Upper", "a", "under_Score-", "a" * 64])
def test_names_that_a_bucket_cannot_have(google: Google, name: str) -> None:
    with pytest.raises(CloudError, match="Invalid name"):
        google.bucket(name)
