"""No wildcard in a role of ours on Azure: no Owner or Contributor, no role over a subscription, no `*` in our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.resource import Given, Resource, items

# Built-in roles whose actions are `*`, or that can give themselves such a role.
MIGHTY = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
_LISTS = ("actions", "dataActions")


def no_wildcard_on_azure(resource: Resource, _given: Given) -> Iterator[str]:
    """Role definitions and assignments."""
    if resource.kind == "azure-native:authorization:RoleDefinition":
        for permission in items(resource.at("permissions")):
            for which in _LISTS:
                for action in items(permission.get(which) if isinstance(permission, Mapping) else None):
                    if isinstance(action, str) and "*" in action:
                        yield f"{action} in {which} is a wildcard: name each action."
        for scope in items(resource.at("assignableScopes")):
            if isinstance(scope, str) and not _inside_a_group(scope):
                yield f"the role can be assigned at {scope}: at most one resource group may be its scope."
    elif resource.kind == "azure-native:authorization:RoleAssignment":
        role, scope = resource.at("roleDefinitionId"), resource.at("scope")
        name = MIGHTY.get(role.rsplit("/", 1)[-1].lower()) if isinstance(role, str) else None
        if name:
            yield f"the role {name} is assigned, whose actions are a wildcard: assign a role for the one thing needed."
        if isinstance(scope, str) and not _inside_a_group(scope):
            yield f"a role is assigned at {scope}: assign it on the one resource that needs it."


def _inside_a_group(scope: str) -> bool:
    return "/resourcegroups/" in scope.lower()
