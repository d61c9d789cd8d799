"""Domain-restricted sharing in the sandbox: the grants that it forbids, and who may read the policy."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.cloud import CloudError, Resource
from sandbox.gcp import organization
from tests.sandbox.gcp.cloud import SECRET_MEMBER, Google

ACCESS = "roles/secretmanager.secretAccessor"


def rule(google: Google, who: Resource | None = None, project: str = "sandbox-project", **body: str) -> httpx.Response:
    url = f"https://{organization.HOST}/v1/projects/{project}:getEffectiveOrgPolicy"
    with google.http(who) as client:
        return client.post(url, json=body or {"constraint": organization.SHARING})


def test_a_restriction_forbids_new_public_grants_and_keeps_existing_ones(google: Google) -> None:
    google.secret("x")
    assert rule(google).json()["listPolicy"] == {"allValues": "ALLOW"}
    before = google.grant(SECRET_MEMBER, "allUsers", ACCESS, secretId="key")
    organization.restrict(google.cloud)
    assert rule(google).json()["listPolicy"]["allowedValues"]
    with pytest.raises(CloudError, match="do not belong to a permitted customer"):
        google.grant(SECRET_MEMBER, "allUsers", ACCESS, secretId="key")
    google.grant(SECRET_MEMBER, google.account("own"), ACCESS, secretId="key")
    assert before in google.cloud.resources(SECRET_MEMBER)


@pytest.mark.parametrize(
    ("asked", "status"), [({"project": "another"}, 403), ({"constraint": "constraints/run.allowedIngress"}, 400)]
)
def test_unsupported_requests_are_refused(google: Google, asked: dict[str, Any], status: int) -> None:
    assert rule(google, **asked).status_code == status


def test_a_jobs_account_may_not_read_the_policy(google: Google) -> None:
    assert rule(google, google.account("alpha-job")).status_code == 403
