"""The subscription in Resource Manager in the sandbox: its properties, resource providers and quotas."""

from __future__ import annotations

import httpx
import pytest

from sandbox.azure.cloud import SUBSCRIPTION
from tests.sandbox.azure.cloud import Azure
from tests.sandbox.azure.job import World

ROOT = f"/subscriptions/{SUBSCRIPTION}"


def ask(azure: Azure, path: str, token: str | None = None, method: str = "GET") -> httpx.Response:
    with azure.http(azure.token() if token is None else token) as client:
        return client.request(method, f"https://management.azure.com{path}", params={"api-version": "2022-12-01"})


def test_the_subscription_is_enabled_and_listed(azure: Azure) -> None:
    subscription = ask(azure, ROOT).json()
    assert (subscription["state"], subscription["subscriptionPolicies"]["quotaId"]) == (
        "Enabled",
        "PayAsYouGo_2014-09-01",
    )
    assert [item["subscriptionId"] for item in ask(azure, "/subscriptions").json()["value"]] == [SUBSCRIPTION]


def test_providers_are_registered_and_unregistered(azure: Azure) -> None:
    path = f"{ROOT}/providers/Microsoft.App"
    assert ask(azure, f"{path}/register", method="POST").json()["registrationState"] == "Registered"
    assert ask(azure, path).json()["registrationState"] == "Registered"
    ask(azure, f"{path}/unregister", method="POST")
    assert ask(azure, path).json()["registrationState"] == "NotRegistered"


def test_environments_are_counted_and_each_has_its_cores(azure: Azure) -> None:
    environment = World(azure, "print(1)").job["environmentId"]
    usages = f"{ROOT}/providers/Microsoft.App/locations/eastus/usages"
    (count,) = ask(azure, usages).json()["value"]
    assert (count["name"]["value"], count["currentValue"]) == ("ManagedEnvironmentCount", 1)
    (cores,) = ask(azure, f"{environment}/usages").json()["value"]
    assert (cores["name"]["value"], cores["limit"]) == ("ManagedEnvironmentConsumptionCores", 100)


def test_it_shows_the_regions_and_the_quota_of_flex_consumption(azure: Azure) -> None:
    with azure.http(azure.token()) as client:
        url = f"https://management.azure.com{ROOT}/providers/Microsoft.Web"
        regions = client.get(f"{url}/geoRegions?api-version=2023-12-01&sku=FlexConsumption").json()["value"]
        quota = client.get(f"{url}/locations/eastus/providers/Microsoft.Quota/quotas/FC1?api-version=2023-02-01").json()
    assert {"name": "East US"} in regions
    assert quota["properties"]["limit"]["value"] == 10


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/subscriptions/00000000-0000-0000-0000-00000000dead", "GET"),
        (f"{ROOT}/locations", "GET"),
        (ROOT, "DELETE"),
        (f"{ROOT}/providers/Microsoft.App/operations", "GET"),
    ],
)
def test_what_it_does_not_know_is_refused(azure: Azure, path: str, method: str) -> None:
    assert ask(azure, path, method=method).status_code == 404


def test_an_app_s_identity_reads_nothing_of_it(azure: Azure) -> None:
    token = azure.token(azure.identity("trigger"))
    for path in (ROOT, f"{ROOT}/providers/Microsoft.App/locations/eastus/usages"):
        assert ask(azure, path, token).status_code == 403
