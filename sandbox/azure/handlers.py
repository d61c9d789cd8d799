"""How resource types of azure-native behave: ids, computed outputs, what a change replaces, what Azure refuses.

Microsoft's types do not say which property may not change, so every handler does. Auto-naming is azure-native's: the
logical name with eight hex digits, no separator.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.azure import rbac
from sandbox.azure.identity import IDENTITY
from sandbox.cloud import CloudError, Handler, Resource
from sandbox.values import UNKNOWN

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

GROUP = "azure-native:resources:ResourceGroup"


class ArmHandler(Handler):
    """A resource below a resource group. `kind` is its ARM type, `name` the input that names it."""

    autoname_separator = ""
    autoname_hex = 8
    kind: ClassVar[str]
    limit: ClassVar[str] = r"[-\w.()]{1,90}"
    """What Azure takes as the name; azure-native itself checks less."""
    worldwide: ClassVar[bool] = False
    """Whether no other subscription may have the name."""
    fixed: ClassVar[frozenset[str]] = frozenset()
    """More inputs whose change replaces."""

    def __init__(self, cloud: AzureCloud, name: str) -> None:
        self.cloud = cloud
        self.autoname = name
        self.replace_on = frozenset({name, "resourceGroupName", "location", *self.fixed})

    def create(self, resource: Resource) -> None:
        name = resource.inputs[str(self.autoname)]
        self._registered()
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
        self.computed(resource)

    def update(self, _old: Resource, resource: Resource) -> None:
        self.computed(resource)

    def id_of(self, inputs: dict[str, Any], name: str) -> str:
        """The resource id."""
        group = f"/subscriptions/{self.cloud.subscription}/resourceGroups/{inputs['resourceGroupName']}"
        return f"{group}/providers/{self.kind}/{name}"

    def computed(self, resource: Resource) -> None:
        """Add the outputs that Azure computes; runs after create and update."""

    def _registered(self) -> None:
        namespace = self.kind.split("/")[0]
        if namespace not in self.cloud.registered():
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
    """Log Analytics."""

    kind, limit = "Microsoft.OperationalInsights/workspaces", r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"

    def computed(self, resource: Resource) -> None:
        resource.outputs.setdefault("customerId", str(uuid.uuid4()))


class Insights(ArmHandler):
    """Application Insights."""

    kind, fixed = "Microsoft.Insights/components", frozenset({"workspaceResourceId"})

    def computed(self, resource: Resource) -> None:
        key = resource.outputs.setdefault("instrumentationKey", str(uuid.uuid4()))
        where = resource.outputs["location"]
        resource.outputs["connectionString"] = (
            f"InstrumentationKey={key};IngestionEndpoint=https://{where}-0.in.applicationinsights.azure.com/"
        )


class Identity(ArmHandler):
    """User-assigned identities."""

    kind, limit = "Microsoft.ManagedIdentity/userAssignedIdentities", r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}"

    def computed(self, resource: Resource) -> None:
        resource.outputs["tenantId"] = self.cloud.tenant
        for key in ("principalId", "clientId"):
            resource.outputs.setdefault(key, str(uuid.uuid4()))


class RoleDefinition(Handler):
    """Custom roles: names are GUIDs, titles are unique in the tenant."""

    autoname = "roleDefinitionId"
    replace_on = frozenset({"roleDefinitionId", "scope"})

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        guid, scope = resource.inputs["roleDefinitionId"], resource.inputs["scope"]
        _guid(guid, "RoleDefinition")
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
    """Role assignments: Azure changes none of them."""

    autoname = "roleAssignmentName"
    replace_on = frozenset({"roleAssignmentName", "scope"})
    _kept = ("principalId", "roleDefinitionId", "scope")

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        inputs = resource.inputs
        _guid(inputs["roleAssignmentName"], "RoleAssignment")
        if not self.cloud.access.knows_role(inputs["roleDefinitionId"]):
            raise CloudError(f'Code="RoleDefinitionDoesNotExist": {inputs["roleDefinitionId"]}')
        if inputs.get("principalType") == "ServicePrincipal" and not self.cloud.find(
            IDENTITY, principalId=inputs["principalId"]
        ):
            raise CloudError(f'Code="PrincipalNotFound": {inputs["principalId"]} does not exist in the directory')
        for other in self.cloud.resources(rbac.ASSIGNMENT):
            if all(other[key] == inputs[key] for key in self._kept):
                raise CloudError('Code="RoleAssignmentExists": The role assignment already exists.')
        name = inputs["roleAssignmentName"]
        resource.id = f"{inputs['scope']}/providers/Microsoft.Authorization/roleAssignments/{name}"
        resource.outputs |= {"name": name, "type": "Microsoft.Authorization/roleAssignments"}

    def update(self, old: Resource, resource: Resource) -> None:
        if any(old[key] != resource[key] for key in self._kept):
            raise CloudError(
                'Code="RoleAssignmentUpdateNotPermitted": Tenant ID, application ID, principal ID, and scope are not '
                "allowed to be updated."
            )


def _guid(text: str, what: str) -> None:
    try:
        uuid.UUID(text)
    except ValueError:
        raise CloudError(f'Code="Invalid{what}Id": the id "{text}" is not a GUID') from None


def identities_as_map(cloud: AzureCloud, outputs: dict[str, Any]) -> None:
    """Identities go in as a list of ids and come out as a map, which is what the SDK's output types expect."""
    identity = outputs.get("identity")
    if identity and isinstance(identity.get("userAssignedIdentities"), Iterable):
        ids = list(identity["userAssignedIdentities"])
        known = {id_: cloud.get(IDENTITY, id_) for id_ in ids}
        missing = [id_ for id_, found in known.items() if found is None]
        if missing:
            raise CloudError(f'Code="FailedIdentityOperation": {missing[0]} was not found')
        described = {
            id_: {"principalId": found["principalId"], "clientId": found["clientId"]}
            for id_, found in known.items()
            if found is not None
        }
        outputs["identity"] = {**identity, "userAssignedIdentities": described}


def preview_identities(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same for a preview, where nothing is known of the identities yet."""
    identity = inputs.get("identity")
    if isinstance(identity, dict) and isinstance(identity.get("userAssignedIdentities"), list):
        ids = identity["userAssignedIdentities"]
        described = UNKNOWN if UNKNOWN in ids else {id_: {"principalId": UNKNOWN, "clientId": UNKNOWN} for id_ in ids}
        return inputs | {"identity": {**identity, "userAssignedIdentities": described}}
    return inputs
