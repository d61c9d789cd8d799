"""Resource Manager's organisation policy on domain-restricted sharing, which limits who can be granted roles.

Initially there is no policy, as in a project without an organisation. `restrict` sets it, as an administrator would.
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


def serve_organization(cloud: GcpCloud, call: Call, principal: str) -> Reply:
    """Answer a request to Resource Manager. Raises Refused."""
    match = _POLICY.fullmatch(call.path)
    if match is None or call.method != "POST":
        raise Refused(404, "NOT_FOUND", f"the sandbox has no {call.method} {call.path}")
    if match["project"] != cloud.project:
        raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")
    cloud.access.require(principal, "orgpolicy.policy.get", f"projects/{cloud.project}")
    if call.json() != {"constraint": SHARING}:
        raise Refused(400, "INVALID_ARGUMENT", f"the sandbox knows the constraint {SHARING} only")
    rule = {"allowedValues": ["C0sandbox"]} if is_restricted(cloud) else {"allValues": "ALLOW"}
    return reply({"constraint": SHARING, "listPolicy": rule})


def restrict(cloud: GcpCloud, state: bool = True) -> None:
    """Allow grants only to members of the organisation's own domain, or (`state` False) to anyone again."""
    cloud.kernel.store.put("gcp:organization", SHARING, {"on": state})


def is_restricted(cloud: GcpCloud) -> bool:
    """Return whether grants to members outside the domain, such as allUsers, are forbidden."""
    return bool((cloud.kernel.store.get("gcp:organization", SHARING) or {}).get("on"))
