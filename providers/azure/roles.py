"""The two custom roles of each cluster on Azure, and the assignments of roles to identities.

- starter: read one job and start it. Reading is needed because the request to start replaces the job's containers, so
  the trigger must copy them. The caller can start another image and command, but gains nothing, since jobs have no
  identity at run time (see `cluster.Cluster.puller`). The built-in role Jobs Operator could also list the job's
  secrets.
- claimer: read, list and create blobs of one node's claims. Creating is the data action `blobs/add/action`, documented
  as "create a blob or snapshot, or append data". It allows Put Blob for new blobs; overwriting needs `blobs/write`,
  which no identity has. The condition on the assignment limits the role to the node's folder.
"""

from __future__ import annotations

import uuid

import pulumi
from pulumi_azure_native import authorization, managedidentity

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
STORAGE_BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
STARTER_ACTIONS = ["Microsoft.App/jobs/read", "Microsoft.App/jobs/start/action"]
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
CLAIMER_DATA_ACTIONS = [f"{_BLOBS}/read", f"{_BLOBS}/add/action"]


def build_claims_condition(node: str) -> str:
    """Return a condition that allows creating and reading below `<node>/` only, and listing with that prefix only."""
    return (
        f"((!(ActionMatches{{'{_BLOBS}/add/action'}})"
        f" AND !(ActionMatches{{'{_BLOBS}/read'}} AND NOT SubOperationMatches{{'Blob.List'}}))"
        f" OR (@Resource[{_BLOBS}:path] StringLike '{node}/*'))"
        f" AND ((!(ActionMatches{{'{_BLOBS}/read'}} AND SubOperationMatches{{'Blob.List'}}))"
        f" OR (@Request[{_BLOBS}:prefix] StringStartsWith '{node}/'))"
    )


def create_role(
    name: str,
    title: str,
    scope: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
    actions: list[str] | None = None,
    data_actions: list[str] | None = None,
) -> authorization.RoleDefinition:
    """Create a custom role that can be assigned within one resource group. Role names must be unique in the tenant."""
    return authorization.RoleDefinition(
        name,
        role_definition_id=scope.apply(lambda group: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{group}/{title}"))),
        role_name=scope.apply(lambda group: f"{title} ({group.rsplit('/', 1)[-1]})"),
        role_type="CustomRole",
        scope=scope,
        assignable_scopes=[scope],
        permissions=[authorization.PermissionArgs(actions=actions or [], data_actions=data_actions or [])],
        opts=opts,
    )


def name_builtin_role(subscription: pulumi.Output[str], role: str) -> pulumi.Output[str]:
    """Return the id of a built-in role for role assignments."""
    return pulumi.Output.concat(
        "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", role
    )


def name_custom_role(subscription: pulumi.Output[str], role: authorization.RoleDefinition) -> pulumi.Output[str]:
    """Return the id of a role created by `create_role` for role assignments."""
    return pulumi.Output.all(subscription, role.name).apply(
        lambda values: f"/subscriptions/{values[0]}/providers/Microsoft.Authorization/roleDefinitions/{values[1]}"
    )


def assign(
    name: str,
    scope: pulumi.Output[str],
    role: pulumi.Output[str],
    identity: managedidentity.UserAssignedIdentity,
    opts: pulumi.ResourceOptions,
    condition: str | None = None,
) -> authorization.RoleAssignment:
    """Assign a role to an identity.

    Azure can update an assignment's condition but not its scope, role or identity. The assignment's GUID is derived
    from these three, so that changing one of them creates a new assignment.
    """
    guid = pulumi.Output.all(scope, role, identity.principal_id).apply(
        lambda values: str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(values)))
    )
    return authorization.RoleAssignment(
        name,
        role_assignment_name=guid,
        scope=scope,
        role_definition_id=role,
        principal_id=identity.principal_id,
        # Without the type, Azure looks up the identity in the directory, which may not know a new identity yet.
        principal_type="ServicePrincipal",
        condition=condition,
        condition_version="2.0" if condition else None,
        opts=opts,
    )
