"""The subscription below Resource Manager: what it is, its resource providers, its quotas."""

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
_ENVIRONMENTS, _CORES = 15, 100


class Subscription:
    """Paths that name no resource group."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud = cloud

    def serve(self, call: Call, principal: str, allow: Allow) -> Reply | None:
        """The answer, or None for a path that is a resource's. Raises Refused."""
        found = _PATH.fullmatch(call.path)
        if found is None or (found["rest"] or "").startswith("resourceGroups/"):
            return None
        if found["id"] is None and call.method == "GET":
            return reply({"value": [self._described()], "count": {"type": "Total", "value": 1}})
        scope = f"/subscriptions/{self._cloud.subscription}"
        if found["id"] != self._cloud.subscription:
            raise Refused(404, "SubscriptionNotFound", f"The subscription '{found['id']}' could not be found.")
        if not found["rest"] and call.method == "GET":
            allow(principal, "Microsoft.Resources/subscriptions/read", scope)
            return reply(self._described())
        provider = _PROVIDER.fullmatch(found["rest"] or "")
        if provider and call.method == ("POST" if provider["verb"] else "GET"):
            return self._provider(provider["namespace"], provider["verb"] or "", principal, allow, scope)
        usages = _USAGES.fullmatch(found["rest"] or "")
        if usages and call.method == "GET":
            allow(principal, "Microsoft.App/locations/usages/read", scope)
            here = [each for each in self._cloud.resources(jobs.ENVIRONMENT) if each["location"] == usages["location"]]
            return reply({"value": [_usage("ManagedEnvironmentCount", len(here), _ENVIRONMENTS)]})
        return None

    def cores(self) -> Reply:
        """The usages of one environment."""
        return reply({"value": [_usage("ManagedEnvironmentConsumptionCores", 0, _CORES)]})

    def _described(self) -> dict[str, Any]:
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
        state = "Registered" if namespace in self._cloud.registered() else "NotRegistered"
        return reply({"id": f"{scope}/providers/{namespace}", "namespace": namespace, "registrationState": state})


def _usage(name: str, used: int, limit: int) -> dict[str, Any]:
    return {"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": name}}
