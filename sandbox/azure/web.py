"""Functions on Flex Consumption: plans, apps, publishing at <app>.scm.azurewebsites.net, and the apps' own hosts."""

from __future__ import annotations

import io
import json
import sys
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from sandbox.azure import storage
from sandbox.azure.calls import Call, Refused, Reply, reply
from sandbox.azure.conditions import Facts
from sandbox.azure.handlers import ArmHandler, map_identities, preview_identities
from sandbox.azure.identity import MANAGEMENT, list_attached
from sandbox.azure.rbac import BLOBS
from sandbox.cloud import CloudError, Resource
from sandbox.functions import FunctionFailed

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

PLAN = "azure-native:web:AppServicePlan"
SITE = "azure-native:web:WebApp"
SUFFIX, SCM_SUFFIX = ".azurewebsites.net", ".scm.azurewebsites.net"
PACKAGE = "released-package.zip"
_RUNTIMES = {"3.10", "3.11", "3.12", "3.13"}
_SMALLER = {"westeurope", "australiaeast", "westus2"}
"""The regions that accept fewer than 40 instances (Azure/azure-functions-host 10523)."""
_NOT_ON_FLEX = frozenset(
    {"WEBSITE_RUN_FROM_PACKAGE", "FUNCTIONS_WORKER_RUNTIME", "SCM_DO_BUILD_DURING_DEPLOYMENT", "ENABLE_ORYX_BUILD"}
)
# Properties of siteConfig that Azure has been seen to refuse by name; some SDKs send them by default.
_NO_CONFIG_OF_FLEX = frozenset(
    {
        "alwaysOn",
        "ftpsState",
        "functionAppScaleLimit",
        "functionsRuntimeScaleMonitoringEnabled",
        "linuxFxVersion",
        "netFrameworkVersion",
        "preWarmedInstanceCount",
        "use32BitWorkerProcess",
    }
)


def key(site: str) -> str:
    """Return an app's key in the sandbox's functions."""
    return f"azure/{site}"


_DEPLOYING, _SUCCEEDED = 2, 4


class AppServicePlan(ArmHandler):
    """Microsoft.Web/serverfarms."""

    kind, limit = "Microsoft.Web/serverfarms", r"[A-Za-z0-9-]{1,40}"
    fixed = frozenset({"kind", "reserved"})

    def add_computed(self, resource: Resource) -> None:
        resource.outputs["numberOfSites"] = 0

    def delete(self, resource: Resource) -> None:
        if self.cloud.find(SITE, serverFarmId=resource.id):
            raise CloudError('Code="Conflict": Server farm cannot be deleted because it has web app(s) assigned to it.')


class Site(ArmHandler):
    """Microsoft.Web/sites."""

    kind, limit, worldwide = "Microsoft.Web/sites", r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]", True
    fixed = frozenset({"kind", "reserved"})

    def create(self, resource: Resource) -> None:
        self._validate(resource)
        super().create(resource)

    def update(self, old: Resource, resource: Resource) -> None:
        self._validate(resource)
        super().update(old, resource)
        if self.cloud.kernel.store.get("azure:published", resource["name"]) is not None:
            run_package(self.cloud, resource)

    def preview_outputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return preview_identities(inputs)

    def add_computed(self, resource: Resource) -> None:
        map_identities(self.cloud, resource)
        name = resource.outputs["name"]
        hosts = {"Standard": f"{name}{SUFFIX}", "Repository": f"{name}{SCM_SUFFIX}"}
        resource.outputs |= {
            "defaultHostName": hosts["Standard"],
            "enabledHostNames": list(hosts.values()),
            "hostNames": [hosts["Standard"]],
            "hostNameSslStates": [
                {"name": host, "hostType": kind, "sslState": "Disabled"} for kind, host in hosts.items()
            ],
            "state": "Running",
        }

    def delete(self, resource: Resource) -> None:
        self.cloud.kernel.functions.remove(key(resource["name"]))
        self.cloud.tokens.forget(resource["name"])
        for kind in ("azure:published", "azure:timers"):
            self.cloud.kernel.store.delete(kind, resource["name"])

    def _validate(self, resource: Resource) -> None:
        inputs = resource.inputs
        plan = self.cloud.get(PLAN, inputs.get("serverFarmId", ""))
        if plan is None:
            raise CloudError(f'Code="NotFound": Cannot find serverfarm {inputs.get("serverFarmId")}')
        if plan["sku"]["tier"] != "FlexConsumption":
            raise CloudError("the sandbox runs function apps on Flex Consumption only")
        for other in self.cloud.resources(SITE):
            if other["serverFarmId"] == plan.id and other.id != resource.id:
                raise CloudError('Code="Conflict": a Flex Consumption plan holds one app')
        config = inputs.get("functionAppConfig") or {}
        if not all(config.get(part) for part in ("deployment", "runtime", "scaleAndConcurrency")):
            raise CloudError(
                'Code="BadRequest": Site.FunctionAppConfig is invalid: deployment, runtime and scale needed'
            )
        runtime, scale = config["runtime"], config["scaleAndConcurrency"]
        if runtime["name"] != "python" or runtime["version"] not in _RUNTIMES:
            raise CloudError(f'Code="BadRequest": {runtime["name"]} {runtime["version"]} is not supported')
        least = 1 if inputs["location"] in _SMALLER else 40
        if scale.get("instanceMemoryMB") not in (512, 2048, 4096) or not least <= scale["maximumInstanceCount"] <= 1000:
            raise CloudError('Code="BadRequest": scaleAndConcurrency is out of range')
        refused = _NOT_ON_FLEX & settings(resource).keys()
        if refused:
            raise CloudError(f'Code="BadRequest": {min(refused)} is not supported on Flex Consumption')
        refused = _NO_CONFIG_OF_FLEX & inputs["siteConfig"].keys()
        if refused:
            text = f"property (Site.SiteConfig.{min(refused)}) for Flex Consumption sites is invalid."
            raise CloudError(f'Code="BadRequest": The following site configuration {text} Please remove or rename it.')
        container_of(self.cloud, resource)


def settings(site: Resource) -> dict[str, str]:
    """Return the app's settings."""
    return {setting["name"]: setting["value"] for setting in site.inputs["siteConfig"].get("appSettings") or []}


def container_of(cloud: AzureCloud, site: Resource) -> Resource:
    """Return the container of the app's package, which must exist before the app. Raises CloudError."""
    url = site.inputs["functionAppConfig"]["deployment"]["storage"]["value"]
    account, name = url.split("/")[2].split(".")[0], url.rstrip("/").rsplit("/", 1)[-1]
    container = cloud.find(storage.CONTAINER, accountName=account, name=name)
    if container is None:
        raise CloudError(f'Code="BadRequest": the deployment container {url} does not exist')
    return container


def run_package(cloud: AzureCloud, site: Resource) -> None:
    """Deploy the published package with the app's settings and identities, and record its triggers."""
    container = container_of(cloud, site)
    package = cloud.kernel.store.get_blob(storage.bucket(container["accountName"], container["name"]), PACKAGE)
    if package is None:
        return
    with zipfile.ZipFile(io.BytesIO(package)) as bundle:
        # In the mounted package, a file without permission bits cannot be read, so its functions do not exist.
        readable = [info for info in bundle.infolist() if not info.is_dir() and (info.external_attr >> 16) & 0o400]
        files = {info.filename: bundle.read(info) for info in readable}
    name = site["name"]
    environment = {
        **settings(site),
        **cloud.tokens.environment(name, site.outputs.get("identity") or {}),
        "WEBSITE_SITE_NAME": name,
        "WEBSITE_HOSTNAME": site["defaultHostName"],
        "FUNCTIONS_WORKER_RUNTIME_VERSION": site.inputs["functionAppConfig"]["runtime"]["version"],
    }
    host = str(Path(__file__).with_name("host.py"))
    cloud.kernel.functions.deploy(key(name), files, [sys.executable, "-P", host, "{root}", "{port}"], environment)
    cloud.kernel.store.put("azure:published", name, {})
    cloud.kernel.store.put("azure:timers", name, _timers(cloud, name))


def _timers(cloud: AzureCloud, site: str) -> dict[str, str]:
    """Return the NCRONTAB expressions of the app's timers by function name, from which the platform starts the app."""
    try:
        _, _, body = cloud.kernel.functions.request(key(site), "GET", "/admin/functions", {}, b"")
    except FunctionFailed:
        return {}
    return {
        function["name"]: function["trigger"]["schedule"]
        for function in json.loads(body)
        if function["trigger"]["type"] == "timerTrigger"
    }


class Publisher:
    """The methods POST /api/publish and GET /api/deployments/ID."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def serve(self, call: Call) -> Reply:
        """Answer a request to the SCM host. Raises Refused."""
        site = self._cloud.find(SITE, name=call.host.removesuffix(SCM_SUFFIX))
        if site is None:
            return Reply(404)
        principal = self._cloud.tokens.principal(call, MANAGEMENT)
        if not self._cloud.access.is_allowed(principal, "Microsoft.Web/sites/publish/Action", site.id):
            raise Refused(403, "Forbidden", "The caller may not publish to this app.")
        if (call.method, call.path) == ("POST", "/api/publish"):
            return self._publish(call, site)
        if call.method == "GET" and call.path.startswith("/api/deployments/"):
            return self._describe_deployment(f"{site['name']}/{call.path.rsplit('/', 1)[-1]}")
        return Reply(404)

    def _describe_deployment(self, key: str) -> Reply:
        """Return a deployment's state. Of a successful one, Azure knows nothing while it recycles the worker."""
        state = self._store.get("azure:deployments", key)
        if state is None:
            return Reply(404)
        asked = state.pop("asked", 0)
        if state["status"] != _SUCCEEDED or asked == 2:
            return reply(state)
        self._store.put("azure:deployments", key, {**state, "asked": asked + 1})
        return Reply(404) if asked else reply({**state, "status": _DEPLOYING, "complete": False})

    def _publish(self, call: Call, site: Resource) -> Reply:
        if call.headers.get("content-type") != "application/zip":
            return Reply(415)
        if call.query.get("RemoteBuild", "").lower() != "false":
            raise Refused(400, "BadRequest", "the sandbox publishes packages as they are: RemoteBuild=false")
        deployment = str(uuid.uuid4())
        state = {"id": deployment, "status": _SUCCEEDED, "complete": True, "status_text": ""}
        container = container_of(self._cloud, site)
        if self._may_write(site, container):
            where = storage.bucket(container["accountName"], container["name"])
            self._store.put_blob(where, PACKAGE, call.body)
            run_package(self._cloud, site)
        else:
            state |= {"status": 3, "status_text": "BlobUploadFailedException: 403 AuthorizationPermissionMismatch"}
        self._store.put("azure:deployments", f"{site['name']}/{deployment}", state)
        return reply(deployment, 202)

    def _may_write(self, site: Resource, container: Resource) -> bool:
        access = site.inputs["functionAppConfig"]["deployment"]["storage"]["authentication"]
        identity = site.outputs.get("identity") or {}
        if access["type"] == "UserAssignedIdentity":
            identity = list_attached(identity).get(access["userAssignedIdentityResourceId"]) or {}
        action = f"{BLOBS}/write"
        facts = Facts(action, resource={"path": PACKAGE, "name": container["name"]})
        principal = identity.get("principalId")
        return principal is not None and self._cloud.access.is_allowed(principal, action, container.id, facts)


def serve_app(cloud: AzureCloud, call: Call) -> Reply:
    """Answer a request to an app's own host."""
    site = call.host.removesuffix(SUFFIX)
    if cloud.find(SITE, name=site) is None:
        return Reply(404)
    if call.path.startswith(("/admin/", "/runtime/")):  # these require the host's own keys
        return Reply(401)
    if cloud.kernel.store.get("azure:published", site) is None:
        return Reply(404)
    query = f"?{urlencode(call.query)}" if call.query else ""
    headers = {**call.headers, "x-forwarded-host": call.host, "x-forwarded-proto": "https"}
    try:
        status, answered, body = cloud.kernel.functions.request(
            key(site), call.method, quote(call.path) + query, headers, call.body
        )
    except FunctionFailed:
        return Reply(503, b"Function host is not running.")
    kept = {name.lower(): value for name, value in answered.items() if name.lower() == "content-type"}
    return Reply(status, body, kept)
