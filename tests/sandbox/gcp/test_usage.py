"""Service Usage and Cloud Billing in the sandbox: enabled services, quotas, and the effect of disabling a service."""

from __future__ import annotations

import httpx
import pytest

from providers.gcp.services import SERVICES
from sandbox.cloud import CloudError, Resource
from sandbox.gcp import handlers
from sandbox.gcp.usage import BILLING_HOST, HOST
from tests.sandbox.gcp.cloud import Google

ON = {"filter": "state:ENABLED", "pageSize": "200", "fields": "nextPageToken,services/name"}


def ask(
    google: Google, path: str, query: dict[str, str], who: Resource | None = None, host: str = HOST
) -> httpx.Response:
    with google.http(who) as client:
        return client.get(f"https://{host}{path}", params=query)


def list_enabled(google: Google) -> set[str]:
    services = ask(google, "/v1/projects/sandbox-project/services", ON).json()["services"]
    return {service["name"].rsplit("/", 1)[-1].removesuffix(".googleapis.com") for service in services}


def test_a_service_stays_disabled_until_it_is_created_again(google: Google) -> None:
    assert list_enabled(google) == set(SERVICES)
    with google.http() as client:
        path = "/v1/projects/sandbox-project/services/artifactregistry.googleapis.com:disable"
        assert client.post(f"https://{HOST}{path}").json()["done"]
    assert list_enabled(google) == set(SERVICES) - {"artifactregistry"}
    with pytest.raises(CloudError, match="SERVICE_DISABLED"):
        google.make(handlers.REPOSITORY, "images", location="us-central1", format="DOCKER")
    google.make(handlers.SERVICE, "again", service="artifactregistry.googleapis.com")
    assert list_enabled(google) == set(SERVICES)


def test_a_quota_has_a_bucket_for_all_regions_and_one_for_a_region(google: Google) -> None:
    path = "/v1beta1/projects/sandbox-project/services/run.googleapis.com/consumerQuotaMetrics"
    metric = ask(google, f"{path}/run.googleapis.com%2Fcpu_allocation", {"view": "FULL"}).json()
    (limit,) = metric["consumerQuotaLimits"]
    assert [bucket.get("dimensions") for bucket in limit["quotaBuckets"]] == [None, {"region": "us-central1"}]
    assert {bucket["effectiveLimit"] for bucket in limit["quotaBuckets"]} == {"200000"}


def test_billing_can_be_read(google: Google) -> None:
    billing = ask(google, "/v1/projects/sandbox-project/billingInfo", {}, host=BILLING_HOST).json()
    assert billing["billingEnabled"] is True


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/v1/projects/another/services", ON, 403),
        ("/v1/projects/sandbox-project/services", {"filter": "state:DISABLED"}, 400),
        ("/v1/projects/sandbox-project/services:batchGet", {}, 404),
        ("/v1beta1/projects/sandbox-project/services/run.googleapis.com/consumerQuotaMetrics/x%2Fy", {}, 404),
    ],
)
def test_unsupported_requests_are_refused(google: Google, path: str, query: dict[str, str], status: int) -> None:
    assert ask(google, path, query).status_code == status


def test_a_job_s_account_reads_nothing(google: Google) -> None:
    account = google.account("alpha-job")
    assert ask(google, "/v1/projects/sandbox-project/services", ON, account).status_code == 403
    assert ask(google, "/v1/projects/sandbox-project/billingInfo", {}, account, BILLING_HOST).status_code == 403
