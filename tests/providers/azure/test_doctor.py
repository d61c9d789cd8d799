"""The doctor's findings on an Azure subscription, with faked answers of Resource Manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from providers.azure import doctor as azure
from providers.findings import Finding, Level, Place
from providers.operations import Refused
from tests.providers.patients import APPS, levels, node, only, place
from tests.providers.rest import Rest

ID = "11111111-2222-3333-4444-555555555555"
ENABLED = {
    "displayName": "Fund",
    "state": "Enabled",
    "subscriptionPolicies": {"quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
}
FLEX = "/geoRegions?api-version=2023-12-01&sku=FlexConsumption"
SMALL = {"preset": None, "cpu": 1, "memory": 2048}
Examined = Callable[..., list[Finding]]


def here(*names: str, deployed: bool = True, **changes: Any) -> Place:
    nodes = [node(name, "azure", "eastus", **{"size": SMALL, **changes}) for name in names or ("alpha",)]
    return place(*nodes, deployed=deployed, azure_native__subscriptionId=ID)


def usages(name: str, used: int, limit: int) -> dict[str, Any]:
    return {"value": [{"currentValue": used, "limit": limit, "name": {"value": name}, "unit": "Count"}]}


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Examined:
    monkeypatch.delenv("ARM_SUBSCRIPTION_ID", raising=False)

    def examine(at: Place, off: tuple[str, ...] = (), **answers: Any) -> list[Finding]:
        known = {
            "locations/eastus/usages": usages("ManagedEnvironmentCount", 0, 1),
            "managedEnvironments/e/usages": usages("ManagedEnvironmentConsumptionCores", 0, 100),
            "/jobs/": {"properties": {"environmentId": f"{APPS}/managedEnvironments/e"}},
            FLEX: {"value": [{"name": "East US"}]},
            "/quotas/FC1?": {"properties": {"limit": {"value": 10}}},
            **{f"/providers/{each}?": {"registrationState": "NotRegistered"} for each in off},
            "/providers/": {"registrationState": "Registered"},
            f"/subscriptions/{ID}?": ENABLED,
            "/subscriptions?": {"value": [{"subscriptionId": ID, "displayName": "Fund"}]},
        }
        monkeypatch.setattr(azure, "Account", Rest({**known, **answers}))
        return list(azure.examine(at))

    return examine


def test_a_subscription_with_everything_is_well(examined: Examined) -> None:
    found = examined(here())
    assert set(levels(found).values()) == {Level.OK}
    assert only(found, "subscription").text.startswith("Fund is enabled")


def test_no_subscription_is_named_and_those_there_are_are_shown(examined: Examined) -> None:
    (found,) = examined(place(node("alpha", "azure", "eastus", size=SMALL)))
    assert found.level is Level.FAILED
    assert f"{ID} (Fund)" in found.text
    assert found.mend == "pulumi config set azure-native:subscriptionId SUBSCRIPTION"


def test_a_subscription_that_is_not_there(examined: Examined) -> None:
    refused = Refused("Azure refused to tell: HTTP 404 SubscriptionNotFound.", "SubscriptionNotFound")
    (found,) = examined(here(), **{f"/subscriptions/{ID}?": refused})
    assert (found.level, found.mend) == (Level.FAILED, f"az account show --subscription {ID}")


@pytest.mark.parametrize(("state", "level"), [("PastDue", Level.WARNING), ("Disabled", Level.FAILED)])
def test_a_subscription_with_open_bills(examined: Examined, state: str, level: Level) -> None:
    found = examined(here(), **{f"/subscriptions/{ID}?": {**ENABLED, "state": state}})
    assert only(found, "subscription").level is level
    assert only(found, "subscription").mend.startswith("az account")


def test_resource_providers_that_are_not_registered_fail_once_nodes_are_deployed(examined: Examined) -> None:
    found = examined(here(), off=("Microsoft.App", "Microsoft.KeyVault"))
    missing = only(found, "resource providers")
    assert missing.level is Level.FAILED
    assert missing.mend == (
        f"az provider register --wait --subscription {ID} --namespace Microsoft.App && "
        f"az provider register --wait --subscription {ID} --namespace Microsoft.KeyVault"
    )
    assert "quota of Container Apps" not in levels(found), "without the provider the limit reads as none"


def test_the_first_up_registers_them(examined: Examined) -> None:
    found = only(examined(here(deployed=False), off=("Microsoft.App",)), "resource providers")
    assert (found.level, found.mend.startswith("pulumi up")) == (Level.WARNING, True)


@pytest.mark.parametrize(
    ("offer", "limit", "level"),
    [
        ("FreeTrial_2014-09-01", "On", Level.FAILED),
        ("AzureForStudents_2018-01-01", "On", Level.FAILED),
        ("MSDN_2014-09-01", "On", Level.WARNING),
        ("MSDN_2014-09-01", "Off", Level.WARNING),
        ("Sponsored_2016-01-01", "Off", Level.WARNING),
        ("PayAsYouGo_2014-09-01", "Off", Level.OK),
    ],
)
def test_free_credit_builds_no_images(examined: Examined, offer: str, limit: str, level: Level) -> None:
    policies = {"subscriptionPolicies": {"quotaId": offer, "spendingLimit": limit}}
    answer = {f"/subscriptions/{ID}?": {**ENABLED, **policies}}
    found = only(examined(here(), **answer), "image builds")
    assert found.level is level
    assert found.mend.startswith("build: {docker: true}") is (level is not Level.OK)
    assert "image builds" not in levels(examined(here(build={"docker": True}), **answer))


def test_a_region_without_the_plan_of_the_trigger(examined: Examined) -> None:
    assert only(examined(here(deployed=False)), "Flex Consumption").level is Level.OK
    elsewhere = {FLEX: {"value": [{"name": "East US 2"}]}}
    found = only(examined(here(deployed=False), **elsewhere), "Flex Consumption")
    assert found.level is Level.FAILED
    assert found.mend.startswith("az functionapp list-flexconsumption-locations")
    assert "Flex Consumption" not in levels(examined(here(), **elsewhere)), "the region's trigger exists"


def test_a_new_subscription_without_quota_for_the_trigger(examined: Examined) -> None:
    check, zero = "quota of Flex Consumption", {"/quotas/FC1?": {"properties": {"limit": {"value": 0}}}}
    assert only(examined(here(deployed=False)), check).level is Level.OK
    found = only(examined(here(deployed=False), **zero), check)
    assert found.level is Level.FAILED
    scope = f"/subscriptions/{ID}/providers/Microsoft.Web/locations/eastus"
    assert found.mend.startswith(f"az quota update --resource-name FC1 --scope {scope} ")
    hidden = {"/quotas/FC1?": Refused("Azure refused to show it: HTTP 404.", "NotFound")}
    assert only(examined(here(deployed=False), **hidden), check).level is Level.SKIPPED


def test_no_room_for_an_environment(examined: Examined) -> None:
    full = {"locations/eastus/usages": usages("ManagedEnvironmentCount", 1, 1)}
    found = only(examined(here(deployed=False), **full), "quota of Container Apps")
    assert found.level is Level.FAILED
    where = f"/subscriptions/{ID}/providers/Microsoft.App/locations/eastus"
    wanted = f"az quota update --resource-name ManagedEnvironmentCount --scope {where} --limit-object value=2"
    assert found.mend.startswith(wanted)
    assert only(examined(here(), **full), "quota of Container Apps").level is Level.OK, "the one is the stack's own"


def test_too_few_vcpus_in_the_environment(examined: Examined) -> None:
    few = {"managedEnvironments/e/usages": usages("ManagedEnvironmentConsumptionCores", 0, 1)}
    found = only(examined(here("alpha", "beta"), **few), "quota of Container Apps, vCPUs")
    assert found.level == Level.WARNING, found.text
    assert "all nodes together need 2" in found.text
    large = {"preset": None, "cpu": 2, "memory": 4096}
    found = only(examined(here("alpha", size=large), **few), "quota of Container Apps, vCPUs")
    assert found.level == Level.FAILED, found.text
    assert "alpha would need more" in found.text


def test_too_few_serverless_machines_in_the_region(examined: Examined) -> None:
    check, large = "quota of Container Apps, T4 machines", {"preset": None, "cpu": 2, "memory": 16384}
    for limit, level in ((0, Level.FAILED), (1, Level.WARNING), (2, Level.OK)):
        answer = {"value": [*usages("ManagedEnvironmentCount", 1, 9)["value"]]}
        answer["value"] += usages("SubscriptionConsumptionT4Gpus", 0, limit)["value"]
        found = only(examined(here("alpha", "beta", size=large), **{"locations/eastus/usages": answer}), check)
        assert found.level is level, found.text
        assert "SubscriptionConsumptionT4Gpus" in found.mend or level is Level.OK
    assert check not in levels(examined(here("alpha", size=large))), "Azure does not show the limit"


def test_usages_that_may_not_be_asked_are_no_failure(examined: Examined) -> None:
    refused = Refused("Azure refused to tell.", "AuthorizationFailed")
    found = examined(here(), **{"locations/eastus/usages": refused, "/jobs/": refused})
    assert only(found, "quota of Container Apps").level is Level.SKIPPED
    assert only(found, "quota of Container Apps, vCPUs").level is Level.SKIPPED
