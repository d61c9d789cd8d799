"""Rejects broad roles on Azure: Owner, Contributor, roles on a subscription, and wildcards in custom roles.

Only a trigger's custom role may be assigned to a whole resource group, with the permissions in TRIGGER and under the
condition that limits them to the containers of claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from policies.resource import UNKNOWN, Context, Resource, as_list

# Built-in roles whose actions are `*`, or that can assign such a role.
BROAD = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
_LISTS = ("actions", "dataActions")
_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
TRIGGER = frozenset(
    {
        *("Microsoft.App/jobs/read", "Microsoft.App/jobs/start/action", "Microsoft.App/jobs/executions/read"),
        *(f"{_CONTAINERS}/read", f"{_CONTAINERS}/blobs/read", f"{_CONTAINERS}/blobs/add/action"),
    }
)
CONDITION = (
    f"((!(ActionMatches{{'{_CONTAINERS}/blobs/read'}}) AND !(ActionMatches{{'{_CONTAINERS}/blobs/add/action'}}))"
    f" OR (@Resource[{_CONTAINERS}:name] StringStartsWith 'claims-'))"
)
# Storage Blob Data Owner and Storage Table Data Contributor, which the Functions host needs on its own storage.
_OWN_STORAGE = ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3")
_GROUP = re.compile(r"/subscriptions/[^/]+/resourcegroups/[^/]+/?", re.IGNORECASE)


def no_wildcard_on_azure(resource: Resource, _context: Context) -> Iterator[str]:
    """Check role definitions and assignments."""
    if resource.kind == "azure-native:authorization:RoleDefinition":
        for permission in as_list(resource.get("permissions")):
            for list_ in _LISTS:
                for action in as_list(permission.get(list_) if isinstance(permission, Mapping) else None):
                    if isinstance(action, str) and "*" in action:
                        yield f"{action} in {list_} is a wildcard: name each action."
                    elif isinstance(action, str) and resource.is_inside("Trigger") and action not in TRIGGER:
                        yield f"{action} in {list_} is not needed by a trigger, whose code can be reached from outside."
        for scope in as_list(resource.get("assignableScopes")):
            if isinstance(scope, str) and not _is_inside_group(scope):
                yield f"the role can be assigned at {scope}: its scope may be at most one resource group."
    elif resource.kind == "azure-native:authorization:RoleAssignment":
        role, scope = resource.get("roleDefinitionId"), resource.get("scope")
        name = BROAD.get(role.rsplit("/", 1)[-1].lower()) if isinstance(role, str) else None
        if name:
            yield f"the role {name} is assigned, which allows nearly everything: assign a role with one purpose."
        if isinstance(scope, str) and not _is_inside_group(scope):
            yield f"a role is assigned at {scope}: assign it on the one resource that needs it."
        elif isinstance(scope, str) and _GROUP.fullmatch(scope):
            if not resource.is_inside("Trigger") or resource.get("condition") not in (CONDITION, UNKNOWN):
                yield f"a role is assigned at {scope} without the condition of a trigger's role."
        elif resource.is_inside("Trigger") and isinstance(role, str) and not role.lower().endswith(_OWN_STORAGE):
            yield f"a trigger has the role {role} at {scope}, which it does not need."


def _is_inside_group(scope: str) -> bool:
    return "/resourcegroups/" in scope.lower()
