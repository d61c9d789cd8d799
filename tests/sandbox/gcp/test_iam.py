"""Accounts, roles, members and tokens: Google's checks, and the account of a process."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.cloud import CloudError
from sandbox.gcp import handlers, iam, usage
from sandbox.gcp.conditions import ConditionError, Facts, holds
from tests.sandbox.gcp.cloud import BUCKET_MEMBER, PROJECT_MEMBER, Google

TOKEN = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"


def refused(google: Google, type_: str, **inputs: Any) -> list[tuple[str, str]]:
    return list(google.cloud.handlers[type_].check(inputs))


@pytest.mark.parametrize("name", ["short", "a" * 31, "Upper-case", "1st-account", "ends-with-"])
def test_account_ids_are_checked_at_plan(google: Google, name: str) -> None:
    assert refused(google, iam.ACCOUNT, accountId=name)
    assert not refused(google, iam.ACCOUNT, accountId="alpha-trg-1a2b3")


def test_role_ids_have_no_hyphen_and_are_taken_once(google: Google) -> None:
    assert refused(google, iam.ROLE, roleId="with-hyphen")
    google.role("claimer", [])
    with pytest.raises(CloudError, match="already exists and must be imported"):
        google.role("claimer", [])


def test_members_need_their_kind_an_account_a_role_and_a_resource(google: Google) -> None:
    bucket, account = google.bucket("claims-1"), google.account("alpha")
    assert refused(google, BUCKET_MEMBER, member="alpha@example.com")
    for who, role, on, sentence in (
        ("serviceAccount:nobody@x", "roles/storage.objectViewer", bucket["name"], "does not exist"),
        (account, "roles/storage.objectViewr", bucket["name"], "is not supported"),
        (account, "roles/storage.objectViewer", "no-bucket", "was not found"),
    ):
        with pytest.raises(CloudError, match=sentence):
            google.grant(BUCKET_MEMBER, who, role, bucket=on)


def test_a_right_on_the_project_holds_for_what_is_in_it(google: Google) -> None:
    account, bucket = google.account("alpha"), google.bucket("claims-1")
    access, scope = google.cloud.access, f"buckets/{bucket['name']}"
    assert not access.is_allowed(account["member"], "storage.objects.get", scope)
    google.grant(PROJECT_MEMBER, account, "roles/storage.objectViewer", project=google.cloud.project)
    assert access.is_allowed(account["member"], "storage.objects.get", scope)
    assert not access.is_allowed(account["member"], "storage.objects.create", scope)


def test_the_metadata_server_knows_no_stranger(google: Google) -> None:
    with google.http(client="test", token="") as client:
        assert client.get(TOKEN).status_code == 403
        assert client.get(TOKEN, headers={"Metadata-Flavor": "Google"}).status_code == 404


def test_a_service_has_to_be_switched_on_and_stays_while_a_region_uses_it(google: Google) -> None:
    (first,) = [resource for resource in google.cloud.resources(handlers.SERVICE) if resource.name == "secretmanager"]
    second = google.make(handlers.SERVICE, "other-region-secrets", service="secretmanager.googleapis.com")
    google.remove(first)
    google.secret("still-possible")
    google.remove(second)
    with pytest.raises(CloudError, match="SERVICE_DISABLED"):
        google.secret("not-any-more")
    assert refused(google, handlers.SERVICE, service="storage")


def test_a_new_project_has_storage_and_logs_unless_somebody_disables_them(google: Google) -> None:
    for resource in google.cloud.resources(handlers.SERVICE):
        google.remove(resource)
    google.bucket("possible")
    usage.switch(google.cloud, "storage.googleapis.com", False)
    with pytest.raises(CloudError, match="SERVICE_DISABLED"):
        google.bucket("impossible")


def test_an_unknown_host_path_of_the_api_is_refused(google: Google) -> None:
    with google.http() as client:
        answer: httpx.Response = client.get("https://run.googleapis.com/v2/projects/p/locations/l/jobs/none")
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"]["status"] == "NOT_FOUND"


FACTS = Facts("projects/_/buckets/b/objects/claims/alpha/x", "storage.googleapis.com/Object", attributes={"k": "v/w"})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("resource.name.startsWith('projects/_/buckets/b/')", True),
        ('resource.name.startsWith("projects/_/buckets/c/")', False),
        ("resource.type == 'storage.googleapis.com/Object'", True),
        ("resource.type == 'x' || resource.name.startsWith('projects/')", True),
        ("resource.type == 'x' && resource.name.startsWith('projects/') || !(resource.type == 'x')", True),
        ("!resource.name.startsWith('projects/')", False),
        ("(resource.type == 'x' || resource.type == 'y') && resource.name.startsWith('p')", False),
        ("api.getAttribute('k', '').startsWith('v/')", True),
        ("api.getAttribute('none', '').startsWith('v/')", False),
    ],
)
def test_conditions(expression: str, expected: bool) -> None:
    assert holds(expression, FACTS) is expected


@pytest.mark.parametrize(
    "expression",
    ["", "true", "resource.name.endsWith('x')", "(resource.type == 'x'", "resource.type == 'x' &&", "request.time < 1"],
)
def test_what_is_not_understood_never_grants(expression: str) -> None:
    with pytest.raises(ConditionError):
        holds(expression, FACTS)
