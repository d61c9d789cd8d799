"""An Azure subscription in one region: a token, the subscription, its resource providers, and what new ones may not.

`up` registers resource providers by itself. Registry tasks, which build images, are refused to subscriptions that live
on free credit; a small subscription may have one Container Apps environment in a region, or none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from providers.azure.limits import CONSUMPTION, fit
from providers.azure.operations import Account
from providers.azure.services import SERVICES
from providers.findings import Finding, Place, asked_in_vain, compare_quota, failed, ok, skipped, warning
from providers.operations import Refused

_HOST = "https://management.azure.com"
_SUBSCRIPTIONS, _PROVIDERS, _APPS = "2022-12-01", "2021-04-01", "2025-01-01"
# Offers that ACR Tasks answers with TasksOperationsNotAllowed, by the beginning of their quota id.
_NO_TASKS = ("FreeTrial_", "AzureForStudents", "DreamSpark_", "AzurePass_")
_RIGHT = "the role Reader on the subscription"


def examine(place: Place) -> Iterator[Finding]:
    """The findings in order. Raises OperationsError where Azure cannot be asked at all."""
    account = Account(place.configured, place.region)
    subscription = place.configured("azure-native:subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID")
    if not subscription:
        yield _which(account)
        return
    try:
        found = _get(account, f"/subscriptions/{subscription}", _SUBSCRIPTIONS)
    except Refused as error:
        text = f"{subscription} is not there, or these credentials may not see it: {error}"
        yield failed("subscription", text, f"az account show --subscription {subscription}")
        return
    yield from _subscription(found, subscription)
    registered = _registered(account, subscription)
    yield from _switched_on(place, subscription, registered)
    if place.built:
        yield from _tasks(found)
    if registered.get("Microsoft.App"):
        yield from _environments(account, place, subscription)
        yield from _cores(account, place)


def _get(account: Account, path: str, version: str) -> dict[str, Any]:
    mark = "&" if "?" in path else "?"
    found: dict[str, Any] = account.call(
        f"tell about {path.rsplit('/providers/', 1)[-1].strip('/')}",
        "GET",
        f"{_HOST}{path}{mark}api-version={version}",
        _HOST,
    )
    return found


def _which(account: Account) -> Finding:
    found = _get(account, "/subscriptions", _SUBSCRIPTIONS).get("value") or []
    names = ", ".join(f"{each['subscriptionId']} ({each.get('displayName')})" for each in found) or "none"
    text = f"the stack does not say in which subscription its nodes live; these credentials see {names}."
    return failed("subscription", text, "pulumi config set azure-native:subscriptionId SUBSCRIPTION")


def _subscription(found: dict[str, Any], id_: str) -> Iterator[Finding]:
    name, state = found.get("displayName") or id_, found.get("state")
    if state == "Enabled":
        yield ok("subscription", f"{name} is enabled, and the credentials may ask about it.")
    elif state in ("Warned", "PastDue"):
        yield warning(
            "subscription", f"{name} is {state}: a bill is open, and it will be switched off.", "az account show"
        )
    else:
        text = f"{name} is {state}: nothing can be made or changed in it."
        yield failed("subscription", text, f"az account subscription enable --subscription-id {id_}")


def _registered(account: Account, subscription: str) -> dict[str, bool]:
    def one(service: str) -> bool:
        path = f"/subscriptions/{subscription}/providers/{service}"
        return str(_get(account, path, _PROVIDERS).get("registrationState")) == "Registered"

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(SERVICES, pool.map(one, SERVICES), strict=True))


def _switched_on(place: Place, subscription: str, registered: dict[str, bool]) -> Iterator[Finding]:
    off = [service for service, state in registered.items() if not state]
    if not off:
        yield ok("resource providers", f"all {len(registered)} that nodes need are registered.")
        return
    commands = [f"az provider register --wait --subscription {subscription} --namespace {each}" for each in off]
    mend = " && ".join(commands)
    if place.deployed:
        text = f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} not registered, and deployed nodes need it."
        yield failed("resource providers", text, mend)
    else:
        text = f"{', '.join(off)} not registered yet; the first `pulumi up` registers them."
        yield warning("resource providers", text, f"pulumi up  (or now: {mend})")


def _tasks(found: dict[str, Any]) -> Iterator[Finding]:
    policies = found.get("subscriptionPolicies") or {}
    offer, limited = str(policies.get("quotaId") or ""), policies.get("spendingLimit") == "On"
    mend = "build: {docker: true}  (of the nodes, in nodes.yaml; or az account show, and upgrade to pay-as-you-go)"
    if offer.startswith(_NO_TASKS):
        text = f"this subscription ({offer}) lives on free credit, for which Azure builds no images in a registry."
        yield failed("image builds", text, mend)
    elif limited:
        text = f"this subscription ({offer}) has a spending limit; some of those may not build images in a registry."
        yield warning("image builds", text, mend)
    else:
        yield ok("image builds", "the subscription may build images in its registry.")


def _environments(account: Account, place: Place, subscription: str) -> Iterator[Finding]:
    check, scope = "quota of Container Apps", f"/subscriptions/{subscription}/providers/Microsoft.App"
    where = f"{scope}/locations/{place.region}"
    try:
        usages = _get(account, f"{where}/usages", _APPS).get("value") or []
    except Refused as error:
        yield asked_in_vain(check, error, _RIGHT)
        return
    found = next((each for each in usages if each["name"]["value"] == "ManagedEnvironmentCount"), None)
    if found is None:
        yield skipped(check, f"Azure does not tell how many environments {place.region} may have.")
        return
    used, limit = int(found["currentValue"]), int(found["limit"])
    if not place.deployed and used >= limit:
        text = (
            f"{used} of {limit} environments that the subscription may have in {place.region} are there; one is needed."
        )
        mend = (
            f"az quota update --resource-name ManagedEnvironmentCount --scope {where} --limit-object value={used + 1}"
            "  (or another region: of the nodes, in nodes.yaml)"
        )
        yield failed(check, text, mend)
    else:
        yield ok(check, f"{used} of {limit} environments in {place.region} are there.")


def _cores(account: Account, place: Place) -> Iterator[Finding]:
    """Only an environment that is there has such a limit of its own."""
    check = "quota of Container Apps, vCPUs"
    job = next((str(facts["job"]) for facts in place.deployed.values()), None)
    wanted = {node.name: fit(node).cpu for node in place.running if fit(node).profile == CONSUMPTION}
    if job is None or not wanted:
        return
    try:
        environment = str(_get(account, job, _APPS)["properties"]["environmentId"])
        usages = _get(account, f"{environment}/usages", _APPS).get("value") or []
    except Refused as error:
        yield asked_in_vain(check, error, _RIGHT)
        return
    found = next((each for each in usages if each["name"]["value"] == "ManagedEnvironmentConsumptionCores"), None)
    if found is None:
        return
    quota = f"{found['name']['value']} --scope {environment} --limit-object value={sum(wanted.values()):g}"
    mend = f"az quota update --resource-name {quota}"
    yield compare_quota(check, "vCPUs in the environment", float(found["limit"]), wanted, mend)
