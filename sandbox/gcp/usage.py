"""Service Usage and Cloud Billing: enabled services, their quotas, enabling and disabling, and the billing account.

A new project has a few enabled services; `gcp.projects.Service` enables others. `:disable` simulates a change outside
the stack, such as in the console.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.gcp.handlers import SERVICE

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

# Of the services that Google enables in a new project, those that the program uses.
_DEFAULT = {"logging.googleapis.com", "storage.googleapis.com"}
HOST, BILLING_HOST = "serviceusage.googleapis.com", "cloudbilling.googleapis.com"
_SERVICES = re.compile(r"/v1/projects/(?P<project>[^/]+)/services(?:/(?P<service>[^/:]+):(?P<verb>enable|disable))?")
_METRIC = re.compile(
    r"/v1beta1/projects/(?P<project>[^/]+)/services/(?P<service>[^/]+)/consumerQuotaMetrics/(?P<metric>[^/]+/[^/]+)"
)
_BILLING = re.compile(r"/v1/projects/(?P<project>[^/]+)/billingInfo")
# metric -> (a region's quota, unit)
_LIMITS = {
    "run.googleapis.com/cpu_allocation": (200_000, "1/min/{project}/{region}"),
    "run.googleapis.com/mem_allocation": (400 * 2**30, "1/min/{project}/{region}"),
    "cloudbuild.googleapis.com/concurrent_public_pool_build_cpus": (128, "1/{project}/{region}"),
}


def serve_usage(cloud: GcpCloud, call: Call, principal: str) -> Reply:
    """Answer a request to Service Usage. Raises Refused."""
    match = _SERVICES.fullmatch(call.path)
    if match and call.method == "GET" and not match["service"]:
        _require_project(cloud, match["project"])
        cloud.access.require(principal, "serviceusage.services.list", f"projects/{cloud.project}")
        if call.query.get("filter") != "state:ENABLED" or call.query.keys() - {"filter", "pageSize", "fields"}:
            raise Refused(400, "INVALID_ARGUMENT", "the sandbox lists only enabled services, on one page")
        parent = f"projects/{cloud.project}/services"
        return reply(
            {"services": [{"name": f"{parent}/{service}", "state": "ENABLED"} for service in list_enabled(cloud)]}
        )
    if match and call.method == "POST" and match["service"]:
        _require_project(cloud, match["project"])
        cloud.access.require(principal, f"serviceusage.services.{match['verb']}", f"projects/{cloud.project}")
        switch(cloud, match["service"], match["verb"] == "enable")
        return reply({"name": "operations/noop.DONE_OPERATION", "done": True})
    match = _METRIC.fullmatch(call.path)
    if match and call.method == "GET":
        _require_project(cloud, match["project"])
        cloud.access.require(principal, "serviceusage.quotas.get", f"projects/{cloud.project}")
        return reply(_metric(cloud, match["service"], match["metric"]))
    raise Refused(404, "NOT_FOUND", f"the sandbox has no {call.method} {call.path}")


def serve_billing(cloud: GcpCloud, call: Call, principal: str) -> Reply:
    """Answer a request to Cloud Billing. Raises Refused."""
    match = _BILLING.fullmatch(call.path)
    if match is None or call.method != "GET":
        raise Refused(404, "NOT_FOUND", f"the sandbox has no {call.method} {call.path}")
    _require_project(cloud, match["project"])
    cloud.access.require(principal, "resourcemanager.projects.get", f"projects/{cloud.project}")
    name, account = f"projects/{cloud.project}/billingInfo", "billingAccounts/000000-SANDBX-000000"
    return reply({"name": name, "projectId": cloud.project, "billingAccountName": account, "billingEnabled": True})


def list_enabled(cloud: GcpCloud) -> list[str]:
    """Return the names of the enabled services, sorted."""
    off = cloud.kernel.store.all("gcp:switched")
    declared = {str(resource["service"]) for resource in cloud.resources(SERVICE)}
    turned = {name for name, state in off.items() if state["on"]}
    return sorted((_DEFAULT | declared | turned) - {name for name, state in off.items() if not state["on"]})


def switch(cloud: GcpCloud, service: str, state: bool) -> None:
    """Enable or disable a service, as a user would in the console."""
    cloud.kernel.store.put("gcp:switched", service, {"on": state})


def _require_project(cloud: GcpCloud, project: str) -> None:
    if project != cloud.project:
        raise Refused(
            403, "PERMISSION_DENIED", f"Permission denied on resource project {project}, or it may not exist."
        )


def _metric(cloud: GcpCloud, service: str, metric: str) -> dict[str, Any]:
    if metric not in _LIMITS or not metric.startswith(f"{service}/"):
        raise Refused(404, "NOT_FOUND", f"Quota metric {metric} was not found")
    limit, unit = _LIMITS[metric]
    name = f"projects/{cloud.project}/services/{service}/consumerQuotaMetrics/{quote(metric, safe='')}"
    bucket = {"effectiveLimit": str(limit), "defaultLimit": str(limit)}
    region = {**bucket, "dimensions": {"region": "us-central1"}}
    where = f"{name}/limits/{quote(unit.removeprefix('1'), safe='')}"
    limits = [{"name": where, "metric": metric, "unit": unit, "quotaBuckets": [bucket, region]}]
    return {"name": name, "metric": metric, "consumerQuotaLimits": limits}
