"""The trigger's custom role on Azure, and the assignments of roles to identities.

The role `trigger` is assigned once, to a region's resource group. It allows:
- Reading and starting the group's jobs, and listing their executions. Reading is needed because the request to start a
  job replaces its containers, so the trigger must copy them. Azure cannot limit a start to the job's own image: whoever
  has the trigger's token can start any image and command with the job's secrets, and so read Numerai's keys. Therefore
  only the trigger has this role. The built-in role Jobs Operator could also list the secrets directly.
- Listing containers with their metadata, which is the table.
- Reading, listing and creating blobs, under the condition that their container's name begins with `claims-`. Creating
  is the data action `blobs/add/action`, documented as "create a blob or snapshot, or append data". It allows Put Blob
  for new blobs; overwriting needs `blobs/write`, which no identity has. The group's only other account is that
  of the Functions host, where the trigger has the role of an owner.
"""

from __future__ import annotations

import uuid

import pulumi
from pulumi_azure_native import authorization

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
STORAGE_BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
STORAGE_TABLE_DATA_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
CLAIMS = "claims-"
"""The beginning of the names of all nodes' containers."""
_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
TRIGGER_ACTIONS = [
    "Microsoft.App/jobs/read",
    "Microsoft.App/jobs/start/action",
    "Microsoft.App/jobs/executions/read",
    f"{_CONTAINERS}/read",
]
TRIGGER_DATA_ACTIONS = [f"{_CONTAINERS}/blobs/read", f"{_CONTAINERS}/blobs/add/action"]
TRIGGER_CONDITION = (
    f"((!(ActionMatches{{'{_CONTAINERS}/blobs/read'}}) AND !(ActionMatches{{'{_CONTAINERS}/blobs/add/action'}}))"
    f" OR (@Resource[{_CONTAINERS}:name] StringStartsWith '{CLAIMS}'))"
)
"""Allows blobs only in containers whose name begins with CLAIMS. Does not restrict actions that are not on blobs."""


def create_role(name: str, group: pulumi.Output[str], opts: pulumi.ResourceOptions) -> authorization.RoleDefinition:
    """Create the trigger's role, which can be assigned within one resource group."""
    title = "Prediction nodes trigger"
    return authorization.RoleDefinition(
        name,
        role_definition_id=group.apply(lambda id_: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{id_}/{title}"))),
        # Role names must be unique in the tenant.
        role_name=group.apply(lambda id_: f"{title} ({id_.rsplit('/', 1)[-1]})"),
        role_type="CustomRole",
        scope=group,
        assignable_scopes=[group],
        permissions=[authorization.PermissionArgs(actions=TRIGGER_ACTIONS, data_actions=TRIGGER_DATA_ACTIONS)],
        opts=opts,
    )


def name_builtin_role(subscription: pulumi.Output[str], role: str) -> pulumi.Output[str]:
    """Return the id of a built-in role for role assignments."""
    return pulumi.Output.concat(
        "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", role
    )


def name_custom_role(subscription: pulumi.Output[str], role: authorization.RoleDefinition) -> pulumi.Output[str]:
    """Return the id of a custom role for role assignments."""
    return pulumi.Output.all(subscription, role.name).apply(
        lambda values: f"/subscriptions/{values[0]}/providers/Microsoft.Authorization/roleDefinitions/{values[1]}"
    )


def assign(
    name: str,
    scope: pulumi.Output[str],
    role: pulumi.Output[str],
    principal: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
    condition: str | None = None,
) -> authorization.RoleAssignment:
    """Assign a role to an identity, whose object id is `principal`.

    Azure can update an assignment's condition but not its scope, role or identity. The assignment's GUID is derived
    from these three, so that changing one of them creates a new assignment.
    """
    guid = pulumi.Output.all(scope, role, principal).apply(
        lambda values: str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(values)))
    )
    return authorization.RoleAssignment(
        name,
        role_assignment_name=guid,
        scope=scope,
        role_definition_id=role,
        principal_id=principal,
        # Without the type, Azure looks up the identity in the directory, which may not know a new identity yet.
        principal_type="ServicePrincipal",
        condition=condition,
        condition_version="2.0" if condition else None,
        opts=opts,
    )
