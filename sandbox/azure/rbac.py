"""Checks an identity's permissions against the role assignments, definitions and conditions that the stack created."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.azure.conditions import ConditionError, Facts, holds

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
DEFINITION = "azure-native:authorization:RoleDefinition"
DEPLOYER = "deployer"
"""The deployer: Owner of the subscription."""
CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
BLOBS = f"{CONTAINERS}/blobs"
TABLES = "Microsoft.Storage/storageAccounts/tableServices/tables"
GET_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"  # noqa: S105 - the name of a permission
PULL = "Microsoft.ContainerRegistry/registries/pull/read"
_BUILT_IN: dict[str, dict[str, list[str]]] = {
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": {"actions": [PULL]},  # AcrPull
    "4633458b-17de-408a-b874-0445c86b69e6": {  # Key Vault Secrets User
        "dataActions": [GET_SECRET, "Microsoft.KeyVault/vaults/secrets/readMetadata/action"]
    },
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": {  # Storage Blob Data Owner
        "actions": [f"{CONTAINERS}/*"],
        "dataActions": [f"{BLOBS}/*"],
    },
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": {  # Storage Table Data Contributor
        "actions": [f"{TABLES}/*"],
        "dataActions": [f"{TABLES}/entities/*"],
    },
}


class Access:
    """Permission checks in one subscription."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def is_allowed(self, principal: str, action: str, scope: str, facts: Facts | None = None) -> bool:
        """Return whether a principal is allowed an action on a resource; with `facts`, it is a data action."""
        if principal == DEPLOYER:
            return True
        return any(
            self._grants(assignment.outputs, action, facts)
            for assignment in self._cloud.resources(ASSIGNMENT)
            if assignment["principalId"] == principal and _within(scope, assignment["scope"])
        )

    def _grants(self, assignment: dict[str, Any], action: str, facts: Facts | None) -> bool:
        side = "dataActions" if facts is not None else "actions"
        for permission in self._permissions(assignment["roleDefinitionId"]):
            denied = permission.get(f"not{side[0].upper()}{side[1:]}") or []
            if _matches(action, permission.get(side) or []) and not _matches(action, denied):
                condition = assignment.get("condition")
                if not condition:
                    return True
                try:
                    return holds(condition, replace(facts or Facts(action), action=action))
                except ConditionError:
                    return False
        return False

    def _permissions(self, role: str) -> list[dict[str, Any]]:
        guid = role.rsplit("/", 1)[-1]
        if guid in _BUILT_IN:
            return [_BUILT_IN[guid]]
        definition = self._cloud.find(DEFINITION, name=guid)
        return list(definition["permissions"]) if definition else []

    def knows_role(self, role: str) -> bool:
        """Return whether a role definition exists."""
        guid = role.rsplit("/", 1)[-1]
        return guid in _BUILT_IN or self._cloud.find(DEFINITION, name=guid) is not None


def _within(scope: str, granted: str) -> bool:
    return scope.lower() == granted.lower() or scope.lower().startswith(granted.lower().rstrip("/") + "/")


def _matches(action: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
