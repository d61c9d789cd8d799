"""Resource Manager's rules of an organization: the one on who may be given rights, domain restricted sharing.

There is none to begin with, as in a project without an organization; `restrict` is what an administrator does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.calls import Call, Refused, Reply, reply

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "cloudresourcemanager.googleapis.com"
SHARING = "constraints/iam.allowedPolicyMemberDomains"
_POLICY = re.compile(r"/v1/projects/(?P<project>[^/:]+):getEffectiveOrgPolicy")


def serve_organization(cloud: GcpCloud, call: Call, who: str) -> Reply:
    """One request to Resource Manager. Raises Refused."""
    found = _POLICY.fullmatch(call.path)
    if found is None or call.method != "POST":
        raise Refused(404, "NOT_FOUND", f"the sandbox has no {call.method} {call.path}")
    if found["project"] != cloud.project:
        raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")
    cloud.access.require(who, "orgpolicy.policy.get", f"projects/{cloud.project}")
    if call.json() != {"constraint": SHARING}:
        raise Refused(400, "INVALID_ARGUMENT", f"the sandbox knows the constraint {SHARING} only")
    rule = {"allowedValues": ["C0sandbox"]} if restricted(cloud) else {"allValues": "ALLOW"}
    return reply({"constraint": SHARING, "listPolicy": rule})


def restrict(cloud: GcpCloud, state: bool = True) -> None:
    """Give rights to members of the organization's own domain only, from now on."""
    cloud.kernel.store.put("gcp:organization", SHARING, {"on": state})


def restricted(cloud: GcpCloud) -> bool:
    """Whether strangers, allUsers among them, can be given no rights."""
    return bool((cloud.kernel.store.get("gcp:organization", SHARING) or {}).get("on"))
