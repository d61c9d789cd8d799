"""The actions that each resource type needs on Azure, and the subscription's custom roles made from them.

These are actions of the resource providers (learn.microsoft.com/azure/role-based-access-control/permissions). They
include creating role assignments. So the role of `up` is assigned under a condition (`build_condition`): the deploying
identity may grant roles only to service principals, and no role that could grant further permissions.

For a long-running operation (an answer with status 202), the provider polls a URL of the subscription and location
instead of the resource. Reading it is a separate action (OUTCOMES); without it, `up` fails although the resource is
created.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.azure.services import SERVICES
from providers.permissions import Row, Table, Way, list_actions, write_json

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
"""The actions that read the results of long-running operations, by service or type. The other services (Authorization,
Insights, ManagedIdentity, Storage) answer at once or have no such action."""


def _outcomes(type_: str) -> str:
    return " ".join(
        action for prefix, actions in OUTCOMES.items() if f"{type_}/".startswith(f"{prefix}/") for action in actions
    )


def _build_row(type_: str, page: str, read: str = "", create: str = "", delete: str = "") -> Row:
    """Return the row of a type with the usual actions (read, write, delete) and the given additional ones."""
    return Row(
        f"{_PERMISSIONS}/{page}",
        read=f"{type_}/read {read}".strip(),
        create=f"{type_}/write {create} {_outcomes(type_)}".strip(),
        delete=f"{type_}/delete {delete}".strip(),
    )


TABLE: Table = {
    "azure-native:app:Job": _build_row(
        f"{_APP}/jobs",
        "containers",
        create=f"{_APP}/managedEnvironments/join/action {_IDENTITY}/assign/action",
    ),
    "azure-native:app:ManagedEnvironment": _build_row(f"{_APP}/managedEnvironments", "containers"),
    "azure-native:applicationinsights:Component": _build_row("Microsoft.Insights/components", "monitor"),
    "azure-native:authorization:RoleAssignment": _build_row(
        "Microsoft.Authorization/roleAssignments", "management-and-governance"
    ),
    "azure-native:authorization:RoleDefinition": _build_row(
        "Microsoft.Authorization/roleDefinitions", "management-and-governance"
    ),
    "azure-native:containerregistry:Registry": _build_row(_ACR, "containers"),
    "azure-native:keyvault:Secret": Row(
        # Deleted with its vault, since deleting a single secret is a data action.
        f"{_PERMISSIONS}/security",
        read="Microsoft.KeyVault/vaults/secrets/read",
        create="Microsoft.KeyVault/vaults/secrets/write",
    ),
    "azure-native:keyvault:Vault": _build_row("Microsoft.KeyVault/vaults", "security"),
    "azure-native:managedidentity:UserAssignedIdentity": _build_row(_IDENTITY, "identity"),
    "azure-native:monitor:ActionGroup": _build_row("Microsoft.Insights/actionGroups", "monitor"),
    "azure-native:monitor:ScheduledQueryRule": _build_row("Microsoft.Insights/scheduledQueryRules", "monitor"),
    "azure-native:monitor:DiagnosticSetting": _build_row(
        # Azure checks the workspace's keys as the right to send logs to it.
        "Microsoft.Insights/diagnosticSettings",
        "monitor",
        create=f"{_LOGS}/sharedKeys/action",
    ),
    "azure-native:operationalinsights:Workspace": _build_row(_LOGS, "monitor"),
    "azure-native:resources:ResourceGroup": _build_row(_GROUP, "management-and-governance"),
    "azure-native:storage:BlobContainer": _build_row(f"{_STORAGE}/blobServices/containers", "storage"),
    "azure-native:storage:ManagementPolicy": _build_row(f"{_STORAGE}/managementPolicies", "storage"),
    "azure-native:storage:StorageAccount": _build_row(_STORAGE, "storage"),
    "azure-native:web:AppServicePlan": _build_row(
        f"{_WEB}/serverfarms", "web-and-mobile", create=f"{_WEB}/serverfarms/operationresults/read"
    ),
    "azure-native:web:WebApp": _build_row(
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
    # Dynamic resources, and images that are built on the user's machine.
    "pulumi-python:dynamic/prediction-nodes:AzureServices": Row(
        "providers/azure/registration.py",
        create=" ".join(
            ["Microsoft.Resources/subscriptions/providers/read", *(f"{name}/register/action" for name in SERVICES)]
        ),
    ),
    "pulumi-python:dynamic/prediction-nodes:Permissions": Row("providers/propagation.py"),
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
    "pulumi-python:dynamic/prediction-nodes:DockerImages": Row(
        "providers/azure/repositories.py",
        delete=f"{_ACR}/metadata/read {_ACR}/pull/read {_ACR}/artifacts/delete",
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
        # All tables, since the containers' tables are created with their first line.
        "providers/azure/operations.py",
        read=f"{_LOGS}/query/read {_LOGS}/query/*/read",
    ),
    "pnodes doctor": Row(
        # Quotas. The actions for its other queries are listed above.
        "providers/azure/doctor.py",
        read=(
            "Microsoft.Resources/subscriptions/read Microsoft.Resources/subscriptions/providers/read "
            f"{_APP}/locations/usages/read {_APP}/managedEnvironments/usages/read {_APP}/jobs/read "
            f"{_WEB}/geoRegions/Read Microsoft.Quota/quotas/read"
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


def build_condition() -> str:
    """Return the condition for assigning the role of `up`. It limits the roles that can be granted or revoked."""
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


def build_role(way: Way) -> dict[str, Any]:
    """Return the role of a way of running, for `az role definition create --role-definition`."""
    name, description = _NAMES[way]
    # Azure's pages differ in the case of some actions; each action is listed once.
    actions = {action.lower(): action for action in reversed(list_actions(TABLE, way))}
    return {
        "Name": name,
        "Description": description,
        "Actions": sorted(actions.values(), key=str.lower),
        "NotActions": [],
        "DataActions": [],
        "NotDataActions": [],
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION_ID"],
    }


def list_files() -> Iterator[tuple[str, str]]:
    """Yield (name, text) of each role, and of the condition for assigning it, in docs/permissions."""
    for way in Way:
        yield f"azure-{way}.json", write_json(build_role(way))
    yield "azure-condition.txt", build_condition() + "\n"
