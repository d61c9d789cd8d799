"""Secret Manager: reading the value of a secret's version."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.gcp.handlers import SECRET

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "secretmanager.googleapis.com"


def read_version(cloud: GcpCloud, name: str, version: str, principal: str) -> str:
    """Return a version's value (a number, or `latest`), with the permissions of a principal. Raises Refused."""
    secret = f"projects/{cloud.project}/secrets/{name}"
    if cloud.get(SECRET, secret) is None or not cloud.access.is_allowed(
        principal, "secretmanager.versions.access", secret
    ):
        raise Refused(403, "PERMISSION_DENIED", f"Permission denied on secret: {secret} for {principal}")
    if version == "latest":
        versions = cloud.kernel.store.all("gcp:secret-versions", f"{secret}/")
        version = str(max((int(key.rsplit("/", 1)[-1]) for key in versions), default=0))
    stored = cloud.kernel.store.get("gcp:secret-versions", f"{secret}/versions/{version}")
    if stored is None or stored["data"] is None:
        raise Refused(404, "NOT_FOUND", f"{secret}/versions/{version} was not found")
    return str(stored["data"])


def serve_secrets(cloud: GcpCloud, call: Call, principal: str) -> Reply:
    """Answer projects.secrets.versions.access. Raises Refused."""
    match = re.fullmatch(rf"/v1/projects/{cloud.project}/secrets/([^/]+)/versions/([^/]+):access", call.path)
    if match is None or call.method != "GET":
        raise Refused(404, "NOT_FOUND", f"the sandbox has no {call.method} {call.path}")
    data = base64.b64encode(read_version(cloud, match[1], match[2], principal).encode()).decode()
    return reply({"name": call.path.removeprefix("/v1/").removesuffix(":access"), "payload": {"data": data}})
