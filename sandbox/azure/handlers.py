"""The behaviour of azure-native resource types: ids, computed outputs, replacements and Azure's checks.

Microsoft's types do not mark immutable properties, so each handler lists them. Auto-naming is azure-native's: the
logical name followed by eight hex digits without a separator.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.azure import rbac
from sandbox.azure.identity import IDENTITY, OWN_IDENTITY
from sandbox.cloud import CloudError, Handler, Resource
from sandbox.values import UNKNOWN

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

GROUP = "azure-native:resources:ResourceGroup"


class ArmHandler(Handler):
    """A resource in a resource group. `kind` is its ARM type, `name` the input with its name."""

    autoname_separator = ""
    autoname_hex = 8
    kind: ClassVar[str]
    limit: ClassVar[str] = r"[-\w.()]{1,90}"
    """The pattern of names that Azure accepts; azure-native itself checks less."""
    worldwide: ClassVar[bool] = False
    """Whether the name must be globally unique."""
    fixed: ClassVar[frozenset[str]] = frozenset()
    """Further inputs whose change replaces the resource."""

    def __init__(self, cloud: AzureCloud, name: str) -> None:
        self.cloud = cloud
        self.autoname = name
        self.replace_on = frozenset({name, "resourceGroupName", "location", *self.fixed})

    def create(self, resource: Resource) -> None:
        name = resource.inputs[str(self.autoname)]
        self._require_registered()
        if not re.fullmatch(self.limit, name):
            raise CloudError(f'Code="InvalidResourceName": "{name}" cannot name a {self.kind}: expected {self.limit}')
        if self.cloud.find(GROUP, name=resource.inputs["resourceGroupName"]) is None:
            group = resource.inputs["resourceGroupName"]
            raise CloudError(f"Code=\"ResourceGroupNotFound\": Resource group '{group}' could not be found.")
        resource.id = self.id_of(resource.inputs, name)
        if self.cloud.get(resource.type, resource.id) is not None:
            raise CloudError(f"cannot create already existing resource {resource.id}")
        taken = self.cloud.find(resource.type, name=name)
        if self.worldwide and taken is not None:
            raise CloudError(f'Code="NameNotAvailable": the {self.kind} name "{name}" is already taken')
        resource.outputs |= {"name": name, "type": self.kind, "provisioningState": "Succeeded"}
        self.add_computed(resource)

    def update(self, _old: Resource, resource: Resource) -> None:
        self.add_computed(resource)

    def id_of(self, inputs: dict[str, Any], name: str) -> str:
        """Return the resource id."""
        group = f"/subscriptions/{self.cloud.subscription}/resourceGroups/{inputs['resourceGroupName']}"
        return f"{group}/providers/{self.kind}/{name}"

    def add_computed(self, resource: Resource) -> None:
        """Add the outputs that Azure computes, after create and update."""

    def _require_registered(self) -> None:
        namespace = self.kind.split("/")[0]
        if namespace not in self.cloud.list_registered():
            raise CloudError(
                f'Code="MissingSubscriptionRegistration": The subscription is not registered to use namespace '
                f"'{namespace}'."
            )


class ResourceGroup(Handler):
    """Microsoft.Resources/resourceGroups."""

    autoname = "resourceGroupName"
    autoname_separator = ""
    autoname_hex = 8
    replace_on = frozenset({"resourceGroupName", "location"})

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        name = resource.inputs["resourceGroupName"]
        if len(name) > 90 or not re.fullmatch(r"[-\w.()]*[-\w()]", name):
            raise CloudError(f'Code="InvalidResourceGroup": "{name}" cannot name a resource group')
        resource.id = f"/subscriptions/{self.cloud.subscription}/resourceGroups/{name}"
        resource.outputs |= {"name": name, "type": "Microsoft.Resources/resourceGroups"}


class Workspace(ArmHandler):
    """Log Analytics workspaces."""

    kind, limit = "Microsoft.OperationalInsights/workspaces", r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"

    def add_computed(self, resource: Resource) -> None:
        resource.outputs.setdefault("customerId", str(uuid.uuid4()))


class Insights(ArmHandler):
    """Application Insights components."""

    kind, fixed = "Microsoft.Insights/components", frozenset({"workspaceResourceId"})

    def add_computed(self, resource: Resource) -> None:
        key = resource.outputs.setdefault("instrumentationKey", str(uuid.uuid4()))
        where = resource.outputs["location"]
        resource.outputs["connectionString"] = (
            f"InstrumentationKey={key};IngestionEndpoint=https://{where}-0.in.applicationinsights.azure.com/"
        )


class Identity(ArmHandler):
    """User-assigned identities."""

    kind, limit = "Microsoft.ManagedIdentity/userAssignedIdentities", r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}"

    def add_computed(self, resource: Resource) -> None:
        resource.outputs["tenantId"] = self.cloud.tenant
        for key in ("principalId", "clientId"):
            resource.outputs.setdefault(key, str(uuid.uuid4()))


class RoleDefinition(Handler):
    """Custom roles, whose names are GUIDs and whose titles are unique in the tenant."""

    autoname = "roleDefinitionId"
    replace_on = frozenset({"roleDefinitionId", "scope"})

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        guid, scope = resource.inputs["roleDefinitionId"], resource.inputs["scope"]
        _require_guid(guid, "RoleDefinition")
        for other in self.cloud.resources(rbac.DEFINITION):
            if other["roleName"] == resource.inputs["roleName"]:
                raise CloudError(f'Code="RoleDefinitionWithSameNameExists": "{resource.inputs["roleName"]}"')
        resource.id = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
        resource.outputs |= {"name": guid, "type": "Microsoft.Authorization/roleDefinitions"}

    def delete(self, resource: Resource) -> None:
        for assignment in self.cloud.resources(rbac.ASSIGNMENT):
            if assignment["roleDefinitionId"].endswith(resource["name"]):
                raise CloudError('Code="RoleDefinitionHasAssignments": There are existing role assignments.')


class RoleAssignment(Handler):
    """Role assignments, which cannot be changed on Azure."""

    autoname = "roleAssignmentName"
    replace_on = frozenset({"roleAssignmentName", "scope"})
    _kept = ("principalId", "roleDefinitionId", "scope")

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        inputs = resource.inputs
        _require_guid(inputs["roleAssignmentName"], "RoleAssignment")
        if not self.cloud.access.knows_role(inputs["roleDefinitionId"]):
            raise CloudError(f'Code="RoleDefinitionDoesNotExist": {inputs["roleDefinitionId"]}')
        if inputs.get("principalType") == "ServicePrincipal" and not self._knows_principal(inputs["principalId"]):
            raise CloudError(f'Code="PrincipalNotFound": {inputs["principalId"]} does not exist in the directory')
        for other in self.cloud.resources(rbac.ASSIGNMENT):
            if all(other[key] == inputs[key] for key in self._kept):
                raise CloudError('Code="RoleAssignmentExists": The role assignment already exists.')
        name = inputs["roleAssignmentName"]
        resource.id = f"{inputs['scope']}/providers/Microsoft.Authorization/roleAssignments/{name}"
        resource.outputs |= {"name": name, "type": "Microsoft.Authorization/roleAssignments"}

    def _knows_principal(self, principal: str) -> bool:
        if self.cloud.find(IDENTITY, principalId=principal):
            return True
        identities = (resource.outputs.get("identity") or {} for resource in self.cloud.resources())
        return any(identity.get("principalId") == principal for identity in identities)

    def update(self, old: Resource, resource: Resource) -> None:
        if any(old[key] != resource[key] for key in self._kept):
            raise CloudError(
                'Code="RoleAssignmentUpdateNotPermitted": Tenant ID, application ID, principal ID, and scope are not '
                "allowed to be updated."
            )


def _require_guid(text: str, property_: str) -> None:
    try:
        uuid.UUID(text)
    except ValueError:
        raise CloudError(f'Code="Invalid{property_}Id": the id "{text}" is not a GUID') from None


def map_identities(cloud: AzureCloud, resource: Resource) -> None:
    """Complete the output `identity`: the principal of the system-assigned identity, and a map of the attached ones.

    Raises CloudError.
    """
    identity = resource.outputs.get("identity")
    if identity and "SystemAssigned" in identity["type"]:
        principal = str(uuid.uuid5(uuid.NAMESPACE_URL, resource.id))
        resource.outputs["identity"] = {**identity, "principalId": principal, "tenantId": cloud.tenant}
    elif identity and isinstance(identity.get("userAssignedIdentities"), Iterable):
        ids = list(identity["userAssignedIdentities"])
        described = {id_: _describe_identity(cloud, id_) for id_ in ids}
        resource.outputs["identity"] = {**identity, "userAssignedIdentities": described}


def _describe_identity(cloud: AzureCloud, id_: str) -> dict[str, str]:
    """Return the ids of a user-assigned identity of the stack, or of the user's own."""
    if id_ == OWN_IDENTITY.format(cloud.subscription):
        return {what: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{id_}/{what}")) for what in ("principalId", "clientId")}
    identity = cloud.get(IDENTITY, id_)
    if identity is None:
        raise CloudError(f'Code="FailedIdentityOperation": {id_} was not found')
    return {what: identity[what] for what in ("principalId", "clientId")}


def preview_identities(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of a preview, in which the identities' ids are still unknown."""
    identity = inputs.get("identity")
    if isinstance(identity, dict) and identity.get("type") == "SystemAssigned":
        return inputs | {"identity": {**identity, "principalId": UNKNOWN, "tenantId": UNKNOWN}}
    if isinstance(identity, dict) and isinstance(identity.get("userAssignedIdentities"), list):
        ids = identity["userAssignedIdentities"]
        described = UNKNOWN if UNKNOWN in ids else {id_: {"principalId": UNKNOWN, "clientId": UNKNOWN} for id_ in ids}
        return inputs | {"identity": {**identity, "userAssignedIdentities": described}}
    return inputs
