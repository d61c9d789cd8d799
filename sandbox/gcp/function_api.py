"""The part of Cloud Functions' API that the program uses: reading a function, building it again, and operations."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.cloud import CloudError, Resource
from sandbox.gcp.functions import FUNCTION, Function

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "cloudfunctions.googleapis.com"
_OPERATIONS = "gcp:function-operations"
_PATH = re.compile(r"/v2/(?P<name>projects/[^/]+/locations/[^/]+/(?P<kind>functions|operations)/[^/]+)")
_BUILD = {"runtime", "entryPoint", "serviceAccount", "dockerRepository", "source", "environmentVariables"}


def serve_functions(cloud: GcpCloud, call: Call, principal: str) -> Reply:
    """Answer a request. Raises Refused."""
    path = _PATH.fullmatch(call.path)
    if path and path["kind"] == "operations" and call.method == "GET":
        operation = cloud.kernel.store.get(_OPERATIONS, path["name"])
        if operation is not None:
            cloud.access.require(principal, "cloudfunctions.operations.get", f"projects/{cloud.project}")
            return reply(operation)
    function = cloud.get(FUNCTION, path["name"]) if path else None
    if function is None:
        raise Refused(404, "NOT_FOUND", f"Resource '{call.path}' was not found")
    match call.method:
        case "GET":
            cloud.access.require(principal, "cloudfunctions.functions.get", function.id)
            return reply(_describe(function))
        case "PATCH":
            cloud.access.require(principal, "cloudfunctions.functions.update", function.id)
            return reply(_patch(cloud, call, function))
    raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} is not served")


def _describe(function: Resource) -> dict[str, object]:
    service = {key: value for key, value in function["serviceConfig"].items() if value != ""}
    return {
        "name": function.id,
        "state": function["state"],
        "environment": "GEN_2",
        "buildConfig": function["buildConfig"],
        "serviceConfig": service,
        "labels": function.outputs.get("labels") or {},
    }


def _patch(cloud: GcpCloud, call: Call, function: Resource) -> dict[str, object]:
    """Build the function with the given buildConfig, and return the operation, which has not ended yet."""
    body = call.json()
    build = body.get("buildConfig") or {}
    if call.query.get("updateMask") != "buildConfig" or body.keys() - {"name", "buildConfig"} or build.keys() - _BUILD:
        raise Refused(400, "INVALID_ARGUMENT", "the sandbox changes only the buildConfig of a function")
    function.inputs["buildConfig"] = function.outputs["buildConfig"] = build
    name = f"{'/'.join(function.id.split('/')[:4])}/operations/operation-{secrets.token_hex(8)}"
    ended: dict[str, object] = {"name": name, "done": True}
    try:
        Function(cloud).deploy(function)
    except CloudError as error:
        ended["error"] = {"code": 3, "message": str(error)}
    cloud.save(function)
    cloud.kernel.store.put(_OPERATIONS, name, ended)
    return {"name": name, "done": False}
