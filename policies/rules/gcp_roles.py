"""Rejects broad roles on Google Cloud: basic roles, project administrators and wildcards in custom roles.

Setting a whole policy, or all members of a role, is rejected too, because it removes the roles of other members. A
trigger can be called from outside, so its role has the permissions in TRIGGER at most, and on its bucket it is granted
under the condition that limits it to claims and table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.resource import UNKNOWN, Context, Resource, as_list

BASIC = frozenset({"roles/owner", "roles/editor", "roles/viewer", "roles/writer", "roles/reader", "roles/browser"})
# Equivalent to Owner on a project: these roles can impersonate any account in it or grant themselves any role.
_BROAD = re.compile(r"roles/(.*[aA]dmin|iam\.serviceAccount(TokenCreator|User|KeyAdmin)|iam\.workloadIdentityUser)$")
_ASSIGNMENT = re.compile(r"(IAM|Iam)(Member|Binding|Policy)$")
TRIGGER = frozenset(
    {
        *("run.jobs.run", "run.jobs.runWithOverrides", "run.executions.list"),
        *("storage.objects.create", "storage.objects.get", "storage.objects.list"),
    }
)
_LISTED = "api.getAttribute('storage.googleapis.com/objectListPrefix', '')"
CONDITION = (
    "resource.name.startsWith('projects/_/buckets/{bucket}/objects/claims/') || "
    "(resource.type == 'storage.googleapis.com/Bucket' && "
    f"({_LISTED}.startsWith('claims/') || {_LISTED}.startsWith('table/')))"
)
_WIDE = ("gcp:projects:", "gcp:organizations:", "gcp:folder:")


def no_wildcard_on_gcp(resource: Resource, _context: Context) -> Iterator[str]:
    """Check custom roles and the grants of any role."""
    if not resource.type.startswith("gcp:"):
        return
    if resource.kind.endswith(":IAMCustomRole"):
        for permission in as_list(resource.get("permissions")):
            if isinstance(permission, str) and "*" in permission:
                yield f"the permission {permission} is a wildcard: name each permission."
            elif isinstance(permission, str) and resource.is_inside("Trigger") and permission not in TRIGGER:
                yield f"the permission {permission} is not needed by a trigger, which can be called from outside."
        return
    grant = _ASSIGNMENT.search(resource.kind)
    if not grant:
        return
    role, wide = resource.get("role"), resource.kind.startswith(_WIDE)
    if wide and grant[2] != "Member":
        yield f"{resource.kind} replaces the roles of other members: use an IAMMember for each new member."
    if isinstance(role, str):
        if role in BASIC:
            yield f"{role} is a basic role, which allows nearly everything: grant a role with one purpose."
        elif wide and _BROAD.match(role):
            yield f"{role} applies to more than one resource: grant it on the resource that needs it."
    if resource.is_inside("Trigger"):
        yield from _check_trigger(resource)


def _check_trigger(resource: Resource) -> Iterator[str]:
    """Check that a trigger's grant is on its function (for its callers) or, with the condition, on its bucket."""
    if resource.kind == "gcp:cloudrunv2:ServiceIamMember":
        return
    bucket, condition = resource.get("bucket"), resource.get("condition.expression")
    if resource.kind != "gcp:storage:BucketIAMMember":
        yield f"a trigger has the role {resource.get('role')} by a {resource.kind}, which it does not need."
    elif UNKNOWN not in (bucket, condition) and condition != CONDITION.format(bucket=bucket):
        yield "a trigger's role on a bucket lacks the condition that limits it to claims and table."
