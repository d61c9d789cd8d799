"""No wildcard in a role of ours on Google Cloud: no basic role, no administrator of a project, no wildcard permission.

Nothing here may set a whole policy or a role's only members either: that takes the roles of others away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.resource import Given, Resource, items

BASIC = frozenset({"roles/owner", "roles/editor", "roles/viewer", "roles/writer", "roles/reader", "roles/browser"})
# On a whole project these are as good as its owner: they can act as anybody in it, or give themselves any role.
_MIGHTY = re.compile(r"roles/(.*[aA]dmin|iam\.serviceAccount(TokenCreator|User|KeyAdmin)|iam\.workloadIdentityUser)$")
_ASSIGNMENT = re.compile(r"(IAM|Iam)(Member|Binding|Policy)$")
_WIDE = ("gcp:projects:", "gcp:organizations:", "gcp:folder:")


def no_wildcard_on_gcp(resource: Resource, _given: Given) -> Iterator[str]:
    """Custom roles, and whom any role is given to."""
    if not resource.type.startswith("gcp:"):
        return
    if resource.kind.endswith(":IAMCustomRole"):
        for permission in items(resource.at("permissions")):
            if isinstance(permission, str) and "*" in permission:
                yield f"the permission {permission} is a wildcard: name each permission."
        return
    found = _ASSIGNMENT.search(resource.kind)
    if not found:
        return
    role, wide = resource.at("role"), resource.kind.startswith(_WIDE)
    if wide and found[2] != "Member":
        yield f"{resource.kind} replaces what others were given on it: add members with an IAMMember each."
    if isinstance(role, str):
        if role in BASIC:
            yield f"{role} is a basic role, which is rights on nearly everything: give a role for the one thing needed."
        elif wide and _MIGHTY.match(role):
            yield f"{role} on more than one resource: give it on the one that needs it, or give a smaller role."
