"""Azure: which actions each resource type takes, as custom roles of a subscription.

Actions are those of the resource providers (learn.microsoft.com/azure/role-based-access-control/permissions). Roles and
assignments are among them, so CONDITION goes with the assignment of `up`: it may give roles to applications' identities
only, and none with which these could give rights in turn.

What Azure answers with 202 is asked about until it is through, at an address of the subscription and location, not of
the resource: reading there is an action of its own (OUTCOMES), without which `up` fails though the resource is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.azure.services import SERVICES
from providers.permissions import Row, Table, Way, needed, write_json

_PERMISSIONS = "learn.microsoft.com/azure/role-based-access-control/permissions"
_ACR, _APP = "Microsoft.ContainerRegistry/registries", "Microsoft.App"
_GROUP, _LOGS = "Microsoft.Resources/subscriptions/resourceGroups", "Microsoft.OperationalInsights/workspaces"
_IDENTITY, _STORAGE = "Microsoft.ManagedIdentity/userAssignedIdentities", "Microsoft.Storage/storageAccounts"
_WEB = "Microsoft.Web"

OUTCOMES = {
    "Microsoft.App/jobs": (
        "Microsoft.App/locations/containerappsjoboperationstatuses/read",
        "Microsoft.App/locations/containerappsjoboperationresults/read",
    ),
    "Microsoft.App/managedEnvironments": (
        "Microsoft.App/locations/managedenvironmentoperationstatuses/read",
        "Microsoft.App/locations/managedenvironmentoperationresults/read",
    ),
    "Microsoft.ContainerRegistry": (
        "Microsoft.ContainerRegistry/registries/operationStatuses/read",
        "Microsoft.ContainerRegistry/locations/operationResults/read",
    ),
    "Microsoft.KeyVault": ("Microsoft.KeyVault/locations/operationResults/read",),
    "Microsoft.OperationalInsights": ("Microsoft.OperationalInsights/locations/operationStatuses/read",),
    "Microsoft.Resources": ("Microsoft.Resources/subscriptions/operationresults/read",),
    "Microsoft.Web": ("Microsoft.Web/locations/operationResults/read", "Microsoft.Web/locations/operations/read"),
}
"""Where the outcome of making or deleting is read, by service or type. The other services (Authorization, Insights,
ManagedIdentity, Storage) answer at once, or name no such action."""


def _outcomes(type_: str) -> str:
    return " ".join(
        action for of, actions in OUTCOMES.items() if f"{type_}/".startswith(f"{of}/") for action in actions
    )


def _usual(type_: str, page: str, read: str = "", create: str = "", delete: str = "") -> Row:
    """A type with the three actions that most have, and more where it has more."""
    return Row(
        f"{_PERMISSIONS}/{page}",
        read=f"{type_}/read {read}".strip(),
        create=f"{type_}/write {create} {_outcomes(type_)}".strip(),
        delete=f"{type_}/delete {delete}".strip(),
    )


TABLE: Table = {
    "azure-native:app:Job": _usual(
        f"{_APP}/jobs",
        "containers",
        create=f"{_APP}/managedEnvironments/join/action {_IDENTITY}/assign/action",
    ),
    "azure-native:app:ManagedEnvironment": _usual(f"{_APP}/managedEnvironments", "containers"),
    "azure-native:applicationinsights:Component": _usual("Microsoft.Insights/components", "monitor"),
    "azure-native:authorization:RoleAssignment": _usual(
        "Microsoft.Authorization/roleAssignments", "management-and-governance"
    ),
    "azure-native:authorization:RoleDefinition": _usual(
        "Microsoft.Authorization/roleDefinitions", "management-and-governance"
    ),
    "azure-native:containerregistry:Registry": _usual(_ACR, "containers"),
    "azure-native:keyvault:Secret": Row(
        # Deleted with its vault: what deletes a single secret is a data action.
        f"{_PERMISSIONS}/security",
        read="Microsoft.KeyVault/vaults/secrets/read",
        create="Microsoft.KeyVault/vaults/secrets/write",
    ),
    "azure-native:keyvault:Vault": _usual("Microsoft.KeyVault/vaults", "security"),
    "azure-native:managedidentity:UserAssignedIdentity": _usual(_IDENTITY, "identity"),
    "azure-native:operationalinsights:Workspace": _usual(_LOGS, "monitor"),
    "azure-native:resources:ResourceGroup": _usual(_GROUP, "management-and-governance"),
    "azure-native:storage:BlobContainer": _usual(f"{_STORAGE}/blobServices/containers", "storage"),
    "azure-native:storage:ManagementPolicy": _usual(f"{_STORAGE}/managementPolicies", "storage"),
    "azure-native:storage:StorageAccount": _usual(_STORAGE, "storage"),
    "azure-native:web:AppServicePlan": _usual(
        f"{_WEB}/serverfarms", "web-and-mobile", create=f"{_WEB}/serverfarms/operationresults/read"
    ),
    "azure-native:web:WebApp": _usual(
        f"{_WEB}/sites",
        "web-and-mobile",
        read=f"{_WEB}/sites/config/read",
        create=(
            f"{_WEB}/sites/config/write {_WEB}/serverfarms/join/action {_IDENTITY}/assign/action "
            f"{_WEB}/sites/operationresults/read"
        ),
    ),
    # Look-ups
    "azure-native:authorization:getClientConfig": Row(
        f"{_PERMISSIONS}/general", look_up="Microsoft.Resources/subscriptions/read"
    ),
    "azure-native:authorization:getClientToken": Row(
        f"{_PERMISSIONS}/general", look_up="Microsoft.Resources/subscriptions/read"
    ),
    "azure-native:operationalinsights:getSharedKeys": Row(
        f"{_PERMISSIONS}/monitor", look_up=f"{_LOGS}/sharedKeys/action"
    ),
    # What azure-native has no resource for.
    "pulumi-python:dynamic/prediction-nodes:AzureServices": Row(
        "providers/azure/registration.py",
        create=" ".join(
            ["Microsoft.Resources/subscriptions/providers/read", *(f"{each}/register/action" for each in SERVICES)]
        ),
    ),
    "pulumi-python:dynamic/prediction-nodes:FunctionCode": Row(
        "learn.microsoft.com/azure/app-service/resources-kudu", create=f"{_WEB}/sites/publish/Action"
    ),
    "pulumi-python:dynamic/prediction-nodes:ImageBuild": Row(
        "providers/azure/image.py",
        create=(
            f"{_ACR}/listBuildSourceUploadUrl/action {_ACR}/scheduleRun/action {_ACR}/runs/read "
            f"{_ACR}/runs/listLogSasUrl/action {_ACR}/runs/cancel/action {_ACR}/metadata/read {_ACR}/pull/read "
            f"{_ACR}/artifacts/delete"
        ),
    ),
    "pulumi-python:dynamic/prediction-nodes:Repositories": Row(
        "providers/azure/repositories.py",
        update=f"{_ACR}/metadata/read {_ACR}/pull/read {_ACR}/artifacts/delete",
    ),
    "docker-build:index:Image": Row(
        "learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview",
        create=f"{_ACR}/pull/read {_ACR}/push/write",
    ),
    # `pnodes`
    "pnodes status": Row(
        "providers/azure/operations.py", read=f"{_APP}/jobs/read {_APP}/jobs/executions/read {_APP}/jobs/execution/read"
    ),
    "pnodes logs": Row(
        # Any table: those of containers are the workspace's own, made with their first line.
        "providers/azure/operations.py",
        read=f"{_LOGS}/query/read {_LOGS}/query/*/read",
    ),
    "pnodes doctor": Row(
        # Quotas; what else it asks is among the rights of the others.
        "providers/azure/doctor.py",
        read=(
            "Microsoft.Resources/subscriptions/read Microsoft.Resources/subscriptions/providers/read "
            f"{_APP}/locations/usages/read {_APP}/managedEnvironments/usages/read {_APP}/jobs/read"
        ),
    ),
    "pnodes stop": Row("providers/azure/operations.py", create=f"{_APP}/jobs/stop/execution/action"),
}

_PRIVILEGED = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "User Access Administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "Role Based Access Control Administrator": "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
}
_ASSIGN = "Microsoft.Authorization/roleAssignments"


def condition() -> str:
    """Goes with the assignment of `up`: what roles it may give and take, and to whom."""
    ids = ", ".join(_PRIVILEGED.values())

    def only(action: str, where: str) -> str:
        return (
            f"((!(ActionMatches{{'{_ASSIGN}/{action}'}})) OR ("
            f"@{where}[{_ASSIGN}:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {{{ids}}} AND "
            f"@{where}[{_ASSIGN}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}}))"
        )

    return f"{only('write', 'Request')} AND {only('delete', 'Resource')}"


_NAMES = {
    Way.PREVIEW: ("Prediction nodes preview", "Compares a stack of prediction nodes with its state."),
    Way.DRIFT: ("Prediction nodes reader", "Reads a stack of prediction nodes and its logs."),
    Way.UP: ("Prediction nodes deployer", "Makes, changes and removes a stack of prediction nodes."),
}


def role(way: Way) -> dict[str, Any]:
    """The role of a way of running, as `az role definition create --role-definition` takes it."""
    name, description = _NAMES[way]
    # One action is spelt once, whatever way its page writes it.
    known = {action.lower(): action for action in reversed(needed(TABLE, way))}
    return {
        "Name": name,
        "Description": description,
        "Actions": sorted(known.values(), key=str.lower),
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION_ID"],
    }


def files() -> Iterator[tuple[str, str]]:
    """(name, text) of each role, and of the condition of its assignment, in docs/permissions."""
    for way in Way:
        yield f"azure-{way}.json", write_json(role(way))
    yield "azure-condition.txt", condition() + "\n"
