"""Service Usage and Cloud Billing: which services are on, their quotas, switching one on or off, and who pays.

A service is on from its first `gcp.projects.Service` on; who switches it off (`:disable`) does so behind the stack's
back, as in a console.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.gcp.handlers import SERVICE

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST, BILLING_HOST = "serviceusage.googleapis.com", "cloudbilling.googleapis.com"
_SERVICES = re.compile(r"/v1/projects/(?P<project>[^/]+)/services(?:/(?P<service>[^/:]+):(?P<verb>enable|disable))?")
_METRIC = re.compile(
    r"/v1beta1/projects/(?P<project>[^/]+)/services/(?P<service>[^/]+)/consumerQuotaMetrics/(?P<metric>[^/]+/[^/]+)"
)
_BILLING = re.compile(r"/v1/projects/(?P<project>[^/]+)/billingInfo")
# metric -> (what a region has, unit)
_LIMITS = {
    "run.googleapis.com/cpu_allocation": (200_000, "1/min/{project}/{region}"),
    "run.googleapis.com/mem_allocation": (400 * 2**30, "1/min/{project}/{region}"),
    "cloudbuild.googleapis.com/concurrent_public_pool_build_cpus": (128, "1/{project}/{region}"),
}


def serve_usage(cloud: GcpCloud, call: Call, who: str) -> Reply:
    """One request to Service Usage. Raises Refused."""
    found = _SERVICES.fullmatch(call.path)
    if found and call.method == "GET" and not found["service"]:
        _known(cloud, found["project"])
        cloud.access.require(who, "serviceusage.services.list", f"projects/{cloud.project}")
        if call.query.get("filter") != "state:ENABLED" or call.query.keys() - {"filter", "pageSize", "fields"}:
            raise Refused(400, "INVALID_ARGUMENT", "the sandbox lists all services that are on, on one page")
        parent = f"projects/{cloud.project}/services"
        return reply({"services": [{"name": f"{parent}/{each}", "state": "ENABLED"} for each in on(cloud)]})
    if found and call.method == "POST" and found["service"]:
        _known(cloud, found["project"])
        cloud.access.require(who, f"serviceusage.services.{found['verb']}", f"projects/{cloud.project}")
        switch(cloud, found["service"], found["verb"] == "enable")
        return reply({"name": "operations/noop.DONE_OPERATION", "done": True})
    found = _METRIC.fullmatch(call.path)
    if found and call.method == "GET":
        _known(cloud, found["project"])
        cloud.access.require(who, "serviceusage.quotas.get", f"projects/{cloud.project}")
        return reply(_metric(cloud, found["service"], found["metric"]))
    raise Refused(404, "NOT_FOUND", f"the sandbox has no {call.method} {call.path}")


def serve_billing(cloud: GcpCloud, call: Call, who: str) -> Reply:
    """One request to Cloud Billing. Raises Refused."""
    found = _BILLING.fullmatch(call.path)
    if found is None or call.method != "GET":
        raise Refused(404, "NOT_FOUND", f"the sandbox has no {call.method} {call.path}")
    _known(cloud, found["project"])
    cloud.access.require(who, "resourcemanager.projects.get", f"projects/{cloud.project}")
    name, account = f"projects/{cloud.project}/billingInfo", "billingAccounts/000000-SANDBX-000000"
    return reply({"name": name, "projectId": cloud.project, "billingAccountName": account, "billingEnabled": True})


def on(cloud: GcpCloud) -> list[str]:
    """The services that are on."""
    off = cloud.kernel.store.all("gcp:switched")
    made = {str(resource["service"]) for resource in cloud.resources(SERVICE)}
    turned = {name for name, state in off.items() if state["on"]}
    return sorted((made | turned) - {name for name, state in off.items() if not state["on"]})


def switch(cloud: GcpCloud, service: str, state: bool) -> None:
    """What somebody does by hand."""
    cloud.kernel.store.put("gcp:switched", service, {"on": state})


def _known(cloud: GcpCloud, project: str) -> None:
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
