"""Cloud Run functions: the resource type, its build, and its host name under run.app.

The deployed archive runs in its own process under functions-framework, Google's local host for functions.
"""

from __future__ import annotations

import hashlib
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from sandbox.calls import Call, Reply
from sandbox.cloud import CloudError, PartlyCreated, Resource
from sandbox.functions import FunctionFailed
from sandbox.gcp.conditions import Facts
from sandbox.gcp.handlers import REPOSITORY, GcpHandler
from sandbox.gcp.iam import ACCOUNT
from sandbox.values import UNKNOWN, unpack

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

FUNCTION = "gcp:cloudfunctionsv2/function:Function"
SUFFIX = ".run.app"
_SOURCES = "buckets/gcf-v2-sources-0-sandbox"
_REGION_CODES = {
    "us-central1": "uc", "us-east1": "ue", "us-east4": "uk", "us-west1": "uw", "us-west2": "wl", "europe-west1": "ew",
    "europe-west2": "nw", "europe-west3": "ey", "europe-west4": "ez", "europe-north1": "lz", "asia-east1": "de",
    "asia-northeast1": "an", "asia-southeast1": "as", "australia-southeast1": "ts", "northamerica-northeast1": "nn",
}  # fmt: skip
_RUNTIMES = {"python311", "python312", "python313", "python314"}


def key(name: str) -> str:
    """Return a function's key in the sandbox's functions."""
    return f"gcp/{name}"


class Function(GcpHandler):
    """Functions (2nd gen)."""

    autoname, service = "name", "cloudfunctions"
    computed = MappingProxyType({"serviceConfig": ("uri", "service")})

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        name, where = resource.inputs["name"], resource.inputs["location"]
        id_ = f"projects/{self.cloud.project}/locations/{where}/functions/{name}"
        # The function becomes a Cloud Run service, whose names have a lower length limit.
        self.set_name(resource, name, r"(?!.*-$)[a-z][a-z0-9-]{0,48}", id_)
        self.deploy(resource)

    def update(self, _old: Resource, resource: Resource) -> None:
        self.deploy(resource)

    def delete(self, resource: Resource) -> None:
        self.cloud.kernel.functions.remove(key(resource["name"]))

    def preview_outputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {
            "serviceConfig": {"uri": UNKNOWN, **inputs.get("serviceConfig", {})},
            **{name: value for name, value in inputs.items() if name != "serviceConfig"},
        }

    def deploy(self, resource: Resource) -> None:
        """Build the function and run its code. Raises CloudError, and PartlyCreated if the build fails.

        A function whose build failed exists. It has neither service nor URL until a build has succeeded.
        """
        self.add_labels(resource)
        build, service = resource.inputs["buildConfig"], resource.inputs["serviceConfig"]
        if build["runtime"] not in _RUNTIMES:
            raise CloudError(f"googleapi: Error 400: The runtime {build['runtime']} is not supported., badRequest")
        source = build["source"]["storageSource"]
        data = self.cloud.kernel.store.get_blob(f"gcp/{source['bucket']}", source["object"])
        if data is None:
            raise CloudError(f"googleapi: Error 404: gs://{source['bucket']}/{source['object']} was not found")
        if self.cloud.find(ACCOUNT, email=service.get("serviceAccountEmail", "")) is None:
            raise CloudError("googleapi: Error 400: the function's service account does not exist., badRequest")
        files, name = unpack(data), resource["name"]
        resource.outputs |= {
            "serviceConfig": {"uri": "", **(resource.outputs.get("serviceConfig") or {})},
            "state": "FAILED",
            "environment": "GEN_2",
            "project": self.cloud.project,
        }
        self._may_build(resource.id, build)
        if "main.py" not in files:
            raise PartlyCreated("Build failed: missing main.py and GOOGLE_FUNCTION_SOURCE not specified")
        env = {**service.get("environmentVariables", {}), "K_SERVICE": name, "FUNCTION_TARGET": build["entryPoint"]}
        argv = [sys.executable, "-m", "functions_framework", f"--target={build['entryPoint']}", "--source=main.py"]
        self.cloud.kernel.functions.deploy(key(name), files, [*argv, "--host=127.0.0.1", "--port={port}"], env)
        digits = hashlib.sha256(self.cloud.project.encode()).hexdigest()[:10]
        uri = f"https://{name}-{digits}-{_abbreviate(resource['location'])}.a{SUFFIX}"
        resource.outputs |= {
            "serviceConfig": {**service, "uri": uri, "service": name},
            "url": f"https://{resource['location']}-{self.cloud.project}.cloudfunctions.net/{name}",
            "state": "ACTIVE",
        }

    def _may_build(self, function: str, build: dict[str, Any]) -> None:
        """Raise PartlyCreated unless the build's account may write logs, read the source's copy and push the image."""
        fault = self.cloud.faults.take_reason("BUILD", function)
        if fault:
            raise PartlyCreated(f"Build failed: {fault}")
        email = build.get("serviceAccount", "").rsplit("/", 1)[-1]
        principal, project = f"serviceAccount:{email}", f"projects/{self.cloud.project}"
        repository = self.cloud.get(REPOSITORY, build.get("dockerRepository", ""))
        if self.cloud.find(ACCOUNT, email=email) is None or repository is None:
            raise PartlyCreated("Build failed: the build's service account or docker repository does not exist")
        if (repository.inputs.get("dockerConfig") or {}).get("immutableTags"):
            raise PartlyCreated("Build failed: the docker repository has immutable tags, which function builds move")
        copied = Facts(f"projects/_/{_SOURCES}/objects/source.zip", "storage.googleapis.com/Object")
        needed = (
            ("logging.logEntries.create", project, None),
            ("storage.objects.get", _SOURCES, copied),
            ("artifactregistry.repositories.uploadArtifacts", repository.id, None),
        )
        for permission, scope, facts in needed:
            if not self.cloud.access.is_allowed(principal, permission, scope, facts):
                raise PartlyCreated(f"Build failed: {email} does not have {permission} on {scope}")


def _abbreviate(region: str) -> str:
    """Return a region's abbreviation in host names under run.app, such as uc for us-central1; others are invented."""
    area, place = region.split("-")[:2]
    return _REGION_CODES.get(region) or f"{area[:1]}{place[:1]}{region[-1]}"


def serve_function(cloud: GcpCloud, call: Call) -> Reply:
    """Answer a request to a function's host, which is public only if a binding allows it."""
    for function in cloud.resources(FUNCTION):
        if function["serviceConfig"].get("uri") != f"https://{call.host}":
            continue
        service = function.id.replace("/functions/", "/services/")
        if not cloud.access.is_allowed("anybody", "run.routes.invoke", service):
            return Reply(403, b"Your client does not have permission to get this URL from this server.")
        query = f"?{urlencode(call.query)}" if call.query else ""
        try:
            status, answered, body = cloud.kernel.functions.request(
                key(function["name"]), call.method, quote(call.path) + query, call.headers, call.body
            )
        except FunctionFailed:
            return Reply(503, b"Service Unavailable")
        kept = {name.lower(): value for name, value in answered.items() if name.lower() == "content-type"}
        return Reply(status, body, kept)
    return Reply(404, b"The requested URL was not found on this server.")
