"""Who may do what on Azure: two custom roles per cluster and the assignments of roles to identities.

- starter: read one job and start it. Reading is needed since the body of a start replaces the job's containers, so they
  have to be copied. Starting lets the caller name another image and command; what keeps that from being worth anything
  is that jobs have no identity at run time (see `cluster.Cluster.puller`). The built-in Jobs Operator role would add
  listing the job's secrets.
- claimer: read, list and create blobs of one node's claims. Creating is the data action `blobs/add/action`, documented
  as "create a blob or snapshot, or append data": Put Blob of a new blob is authorised by it, overwriting takes
  `blobs/write`, which nobody here has. The condition on the assignment confines it to the node's own folder.
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


def claims_condition(node: str) -> str:
    """Create and read only below `<node>/` of the claims container, list only with that prefix."""
    return (
        f"((!(ActionMatches{{'{_BLOBS}/add/action'}})"
        f" AND !(ActionMatches{{'{_BLOBS}/read'}} AND NOT SubOperationMatches{{'Blob.List'}}))"
        f" OR (@Resource[{_BLOBS}:path] StringLike '{node}/*'))"
        f" AND ((!(ActionMatches{{'{_BLOBS}/read'}} AND SubOperationMatches{{'Blob.List'}}))"
        f" OR (@Request[{_BLOBS}:prefix] StringStartsWith '{node}/'))"
    )


def define(
    name: str,
    title: str,
    scope: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
    actions: list[str] | None = None,
    data_actions: list[str] | None = None,
) -> authorization.RoleDefinition:
    """A custom role that can be assigned within one resource group. Its title must be unique in the whole tenant."""
    return authorization.RoleDefinition(
        name,
        role_definition_id=scope.apply(lambda known: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{known}/{title}"))),
        role_name=scope.apply(lambda known: f"{title} ({known.rsplit('/', 1)[-1]})"),
        role_type="CustomRole",
        scope=scope,
        assignable_scopes=[scope],
        permissions=[authorization.PermissionArgs(actions=actions or [], data_actions=data_actions or [])],
        opts=opts,
    )


def builtin(subscription: pulumi.Output[str], role: str) -> pulumi.Output[str]:
    """The id of a role definition as role assignments name it, whatever scope it was defined at."""
    return pulumi.Output.concat(
        "/subscriptions/", subscription, "/providers/Microsoft.Authorization/roleDefinitions/", role
    )


def custom(subscription: pulumi.Output[str], role: authorization.RoleDefinition) -> pulumi.Output[str]:
    """The id of a role made by `define`, as role assignments name it."""
    return pulumi.Output.all(subscription, role.name).apply(
        lambda known: f"/subscriptions/{known[0]}/providers/Microsoft.Authorization/roleDefinitions/{known[1]}"
    )


def assign(
    name: str,
    scope: pulumi.Output[str],
    role: pulumi.Output[str],
    identity: managedidentity.UserAssignedIdentity,
    opts: pulumi.ResourceOptions,
    condition: str | None = None,
) -> authorization.RoleAssignment:
    """Give an identity a role. Azure changes an assignment's condition but neither who, what nor where: those make its
    GUID, so that a change of them is another assignment."""
    guid = pulumi.Output.all(scope, role, identity.principal_id).apply(
        lambda known: str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(known)))
    )
    return authorization.RoleAssignment(
        name,
        role_assignment_name=guid,
        scope=scope,
        role_definition_id=role,
        principal_id=identity.principal_id,
        # Named, or Azure looks a minutes-old identity up in the directory, where it may not have arrived.
        principal_type="ServicePrincipal",
        condition=condition,
        condition_version="2.0" if condition else None,
        opts=opts,
    )
