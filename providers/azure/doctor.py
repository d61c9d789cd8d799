"""Checks an Azure subscription in one region: credentials, resource providers, image builds and quotas.

`up` registers resource providers. Azure refuses registry tasks, which build images, to subscriptions on free credit. A
small subscription may have only one Container Apps environment in a region, or none. The trigger needs a region with
Flex Consumption; for new subscriptions, its quota can be zero.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from providers.azure.limits import CONSUMPTION, SERVERLESS, fit
from providers.azure.operations import Account
from providers.azure.services import SERVICES
from providers.findings import Finding, Place, attempt, compare_quota, failed, ok, skipped, warning
from providers.operations import Refused

_HOST = "https://management.azure.com"
_SUBSCRIPTIONS, _PROVIDERS, _APPS = "2022-12-01", "2021-04-01", "2025-01-01"
_WEB, _QUOTA = "2023-12-01", "2023-02-01"
# The beginnings of the quota ids of offers to which ACR Tasks answers TasksOperationsNotAllowed: always, or to some.
_NO_TASKS = ("FreeTrial_", "LightweightTrial_", "AzureForStudents_", "DreamSpark_", "AzurePass_")
_FEW_TASKS = ("Sponsored_", "MSDN_", "MSDNDevTest_", "MPN_", "BizSpark")
_PERMISSION = "the role Reader on the subscription"
_ENVIRONMENTS, _CORES = "quota of Container Apps", "quota of Container Apps, vCPUs"
_MACHINES = "quota of Container Apps, T4 machines"
_FLEX, _FLEX_QUOTA = "Flex Consumption", "quota of Flex Consumption"


def examine(place: Place) -> Iterator[Finding]:
    """Yield the findings in order. Raises OperationsError if Azure cannot be queried at all."""
    account = Account(place.configured, place.region)
    subscription = place.configured("azure-native:subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID")
    if not subscription:
        yield _list_subscriptions(account)
        return
    try:
        properties = _get(account, f"/subscriptions/{subscription}", _SUBSCRIPTIONS)
    except Refused as error:
        text = f"{subscription} does not exist, or these credentials may not see it: {error}"
        yield failed("subscription", text, f"az account show --subscription {subscription}")
        return
    yield from _check_subscription(properties, subscription)
    registered = _read_services(account, subscription)
    yield from _check_services(place, subscription, registered)
    if place.built:
        yield from _check_builds(properties)
    if registered.get("Microsoft.Web") and not place.deployed:
        yield from attempt(_FLEX, _PERMISSION, _check_flex(account, place, subscription))
        yield _check_flex_quota(account, place, subscription)
    if registered.get("Microsoft.App"):
        yield from attempt(_ENVIRONMENTS, _PERMISSION, _check_environments(account, place, subscription))
        yield from attempt(_MACHINES, _PERMISSION, _check_machines(account, place, subscription))
        yield from attempt(_CORES, _PERMISSION, _check_cores(account, place))


def _get(account: Account, path: str, version: str) -> dict[str, Any]:
    what, url = f"show {path.rsplit('/providers/', 1)[-1].strip('/')}", f"{_HOST}{path}?api-version={version}"
    answer: dict[str, Any] = account.call(what, "GET", url, _HOST)
    return answer


def _list_subscriptions(account: Account) -> Finding:
    visible = _get(account, "/subscriptions", _SUBSCRIPTIONS).get("value") or []
    names = ", ".join(f"{item['subscriptionId']} ({item.get('displayName')})" for item in visible) or "none"
    text = f"the stack's configuration does not name the subscription of its nodes; these credentials see {names}."
    return failed("subscription", text, "pulumi config set azure-native:subscriptionId SUBSCRIPTION")


def _check_subscription(properties: dict[str, Any], id_: str) -> Iterator[Finding]:
    name, state = properties.get("displayName") or id_, properties.get("state")
    if state == "Enabled":
        yield ok("subscription", f"{name} is enabled, and the credentials may read it.")
    elif state in ("Warned", "PastDue"):
        text = f"{name} is {state}: a bill is unpaid, and Azure will disable the subscription."
        yield warning("subscription", text, "az account show")
    else:
        text = f"{name} is {state}: its resources cannot be created or changed."
        yield failed("subscription", text, f"az account subscription enable --subscription-id {id_}")


def _read_services(account: Account, subscription: str) -> dict[str, bool]:
    """Return whether each of SERVICES is registered."""

    def is_registered(service: str) -> bool:
        path = f"/subscriptions/{subscription}/providers/{service}"
        return str(_get(account, path, _PROVIDERS).get("registrationState")) == "Registered"

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(SERVICES, pool.map(is_registered, SERVICES), strict=True))


def _check_services(place: Place, subscription: str, registered: dict[str, bool]) -> Iterator[Finding]:
    off = [service for service, state in registered.items() if not state]
    if not off:
        yield ok("resource providers", f"all {len(registered)} that nodes need are registered.")
        return
    commands = [f"az provider register --wait --subscription {subscription} --namespace {service}" for service in off]
    mend = " && ".join(commands)
    if place.deployed:
        text = f"resource providers that deployed nodes need are not registered: {', '.join(off)}."
        yield failed("resource providers", text, mend)
    else:
        text = f"not registered yet: {', '.join(off)}; the first `pulumi up` registers them."
        yield warning("resource providers", text, f"pulumi up  (or now: {mend})")


def _check_builds(properties: dict[str, Any]) -> Iterator[Finding]:
    policies = properties.get("subscriptionPolicies") or {}
    offer, limited = str(policies.get("quotaId") or ""), policies.get("spendingLimit") == "On"
    mend = "build: {docker: true}  (of the nodes, in nodes.yaml; or az account show, and upgrade to pay-as-you-go)"
    if offer.startswith(_NO_TASKS):
        text = f"this subscription ({offer}) uses free credit, with which Azure does not build images in a registry."
        yield failed("image builds", text, mend)
    elif limited or offer.startswith(_FEW_TASKS):
        cause = "has a spending limit" if limited else "is paid with credit"
        text = f"this subscription ({offer}) {cause}; some of these cannot build images in a registry."
        yield warning("image builds", text, mend)
    else:
        yield ok("image builds", "the subscription may build images in a registry.")


def _check_flex(account: Account, place: Place, subscription: str) -> Iterator[Finding]:
    # The list of `az functionapp list-flexconsumption-locations`, whose names are those for display ("East US").
    path = f"/subscriptions/{subscription}/providers/Microsoft.Web/geoRegions"
    regions = _get(account, path, f"{_WEB}&sku=FlexConsumption").get("value") or []
    if place.region in {region["name"].replace(" ", "").lower() for region in regions}:
        yield ok(_FLEX, f"{place.region} has the plan of the trigger.")
    else:
        text = f"{place.region} does not have the plan of the trigger."
        yield failed(_FLEX, text, "az functionapp list-flexconsumption-locations  (use one of these regions)")


def _check_flex_quota(account: Account, place: Place, subscription: str) -> Finding:
    where = f"/subscriptions/{subscription}/providers/Microsoft.Web/locations/{place.region}"
    try:
        quota = _get(account, f"{where}/providers/Microsoft.Quota/quotas/FC1", _QUOTA)
    except Refused as error:
        return skipped(_FLEX_QUOTA, f"Azure does not show the quota of Flex Consumption in {place.region}: {error}")
    limit = int(quota["properties"]["limit"]["value"])
    if limit > 0:
        return ok(_FLEX_QUOTA, f"the limit in {place.region} is {limit}.")
    mend = f"az quota update --resource-name FC1 --scope {where} --limit-object value=1  (or use another region)"
    return failed(_FLEX_QUOTA, f"the limit in {place.region} is 0, so the trigger cannot be created.", mend)


def _check_environments(account: Account, place: Place, subscription: str) -> Iterator[Finding]:
    where = _locate(place, subscription)
    usage = _find_usage(account, where, "ManagedEnvironmentCount")
    if usage is None:
        yield skipped(_ENVIRONMENTS, f"Azure does not show how many environments are possible in {place.region}.")
        return
    used, limit = int(usage["currentValue"]), int(usage["limit"])
    if not place.deployed and used >= limit:
        text = f"{used} of {limit} possible environments in {place.region} are in use; the nodes need another one."
        mend = (
            f"az quota update --resource-name ManagedEnvironmentCount --scope {where} --limit-object value={used + 1}"
            "  (or another region: of the nodes, in nodes.yaml)"
        )
        yield failed(_ENVIRONMENTS, text, mend)
    else:
        yield ok(_ENVIRONMENTS, f"{used} of {limit} environments in {place.region} are in use.")


def _check_machines(account: Account, place: Place, subscription: str) -> Iterator[Finding]:
    """Compare the region's limit of serverless machines, if nodes need them and Azure shows it."""
    needs = {node.name: 1.0 for node in place.running if fit(node).profile == SERVERLESS}
    where = _locate(place, subscription)
    usage = _find_usage(account, where, "SubscriptionConsumptionT4Gpus") if needs else None
    if usage is None:
        return
    quota = f"{usage['name']['value']} --scope {where} --limit-object value={len(needs)}"
    mend = f"az quota update --resource-name {quota}"
    yield compare_quota(_MACHINES, "serverless T4 machines in the region", float(usage["limit"]), needs, mend)


def _locate(place: Place, subscription: str) -> str:
    return f"/subscriptions/{subscription}/providers/Microsoft.App/locations/{place.region}"


def _check_cores(account: Account, place: Place) -> Iterator[Finding]:
    """Compare the limit of the existing environment, if there is one: each environment has its own limit."""
    job = next((str(facts["job"]) for facts in place.deployed.values()), None)
    needs = {node.name: fit(node).vcpu for node in place.running if fit(node).profile == CONSUMPTION}
    if job is None or not needs:
        return
    environment = str(_get(account, job, _APPS)["properties"]["environmentId"])
    usage = _find_usage(account, environment, "ManagedEnvironmentConsumptionCores")
    if usage is None:
        return
    quota = f"{usage['name']['value']} --scope {environment} --limit-object value={sum(needs.values()):g}"
    mend = f"az quota update --resource-name {quota}"
    yield compare_quota(_CORES, "vCPUs in the environment", float(usage["limit"]), needs, mend)


def _find_usage(account: Account, scope: str, name: str) -> dict[str, Any] | None:
    usages = _get(account, f"{scope}/usages", _APPS).get("value") or []
    return next((usage for usage in usages if usage["name"]["value"] == name), None)
