"""The subscription in Resource Manager: its properties, resource providers and quotas."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.azure import jobs
from sandbox.azure.calls import Call, Refused, Reply, reply

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

Allow = Callable[[str, str, str], None]
"""(principal, action, scope); raises Refused."""
_PATH = re.compile(r"/subscriptions(?:/(?P<id>[^/]+)(?:/(?P<rest>.+))?)?")
_PROVIDER = re.compile(r"providers/(?P<namespace>[^/]+)(?:/(?P<verb>register|unregister))?")
_USAGES = re.compile(r"providers/Microsoft\.App/locations/(?P<location>[^/]+)/usages")
_FLEX_QUOTA = re.compile(r"providers/Microsoft\.Web/locations/[^/]+/providers/Microsoft\.Quota/quotas/FC1")
_ENVIRONMENTS, _CORES, _FLEX = 15, 100, 10
_FLEX_REGIONS = ("East US", "East US 2", "West US 2", "West Europe", "North Europe", "UK South", "Australia East")
"""Some of the regions with Flex Consumption, by the names that Azure displays."""


class Subscription:
    """Answers requests whose path has no resource group."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud = cloud

    def serve(self, call: Call, principal: str, allow: Allow) -> Reply | None:
        """Answer a request; return None if the path is that of a resource. Raises Refused."""
        match = _PATH.fullmatch(call.path)
        if match is None or (match["rest"] or "").startswith("resourceGroups/"):
            return None
        if match["id"] is None and call.method == "GET":
            return reply({"value": [self._describe()], "count": {"type": "Total", "value": 1}})
        scope = f"/subscriptions/{self._cloud.subscription}"
        if match["id"] != self._cloud.subscription:
            raise Refused(404, "SubscriptionNotFound", f"The subscription '{match['id']}' could not be found.")
        if not match["rest"] and call.method == "GET":
            allow(principal, "Microsoft.Resources/subscriptions/read", scope)
            return reply(self._describe())
        provider = _PROVIDER.fullmatch(match["rest"] or "")
        if provider and call.method == ("POST" if provider["verb"] else "GET"):
            return self._provider(provider["namespace"], provider["verb"] or "", principal, allow, scope)
        usages = _USAGES.fullmatch(match["rest"] or "")
        if usages and call.method == "GET":
            allow(principal, "Microsoft.App/locations/usages/read", scope)
            environments = [
                environment
                for environment in self._cloud.resources(jobs.ENVIRONMENT)
                if environment["location"] == usages["location"]
            ]
            return reply({"value": [_usage("ManagedEnvironmentCount", len(environments), _ENVIRONMENTS)]})
        if match["rest"] == "providers/Microsoft.Web/geoRegions" and call.query.get("sku") == "FlexConsumption":
            allow(principal, "Microsoft.Web/geoRegions/Read", scope)
            return reply({"value": [{"name": name} for name in _FLEX_REGIONS]})
        if _FLEX_QUOTA.fullmatch(match["rest"] or ""):
            allow(principal, "Microsoft.Quota/quotas/read", scope)
            return reply({"name": "FC1", "properties": {"limit": {"limitType": "Independent", "value": _FLEX}}})
        return None

    def cores(self) -> Reply:
        """Return the core usages of one environment."""
        return reply({"value": [_usage("ManagedEnvironmentConsumptionCores", 0, _CORES)]})

    def _describe(self) -> dict[str, Any]:
        id_ = self._cloud.subscription
        policies = {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        }
        return {
            "id": f"/subscriptions/{id_}",
            "subscriptionId": id_,
            "tenantId": self._cloud.tenant,
            "displayName": "sandbox",
            "state": "Enabled",
            "subscriptionPolicies": policies,
        }

    def _provider(self, namespace: str, verb: str, principal: str, allow: Allow, scope: str) -> Reply:
        store = self._cloud.kernel.store
        if verb:
            allow(principal, f"{namespace}/{verb}/action", scope)
            if verb == "register":
                store.put("azure:providers", namespace, {})
            else:
                store.delete("azure:providers", namespace)
        state = "Registered" if namespace in self._cloud.list_registered() else "NotRegistered"
        return reply({"id": f"{scope}/providers/{namespace}", "namespace": namespace, "registrationState": state})


def _usage(name: str, used: int, limit: int) -> dict[str, Any]:
    return {"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": name}}
