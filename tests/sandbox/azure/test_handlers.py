"""Azure's checks and replacements of each resource type."""

from __future__ import annotations

import pytest

from sandbox.azure import jobs, rbac, vault, web
from sandbox.azure.cloud import SUBSCRIPTION
from sandbox.azure.handlers import GROUP as GROUP_TYPE
from sandbox.azure.registry import REGISTRY
from sandbox.azure.storage import ACCOUNT
from sandbox.cloud import CloudError
from tests.sandbox.azure.cloud import GROUP, PLACE, Azure
from tests.sandbox.azure.function import World

VAULT = {
    **PLACE,
    "properties": {"tenantId": "t", "sku": {"family": "A", "name": "standard"}, "softDeleteRetentionInDays": 7},
}


def test_nothing_is_made_before_its_service_is_switched_on(azure: Azure) -> None:
    azure.cloud.kernel.store.delete("azure:providers", "Microsoft.Storage")
    with pytest.raises(CloudError, match=r"MissingSubscriptionRegistration.*Microsoft\.Storage"):
        azure.account("abc")


def test_a_service_is_switched_on_through_resource_manager(azure: Azure) -> None:
    azure.cloud.kernel.store.delete("azure:providers", "Microsoft.App")
    at = f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/Microsoft.App"
    with azure.http(azure.token()) as client:
        assert client.get(f"{at}?api-version=2021-04-01").json()["registrationState"] == "NotRegistered"
        assert client.post(f"{at}/register?api-version=2021-04-01").status_code == 200
        assert client.get(f"{at}?api-version=2021-04-01").json()["registrationState"] == "Registered"


@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        (ACCOUNT, {**PLACE, "accountName": "with-hyphen", "kind": "StorageV2"}),
        (ACCOUNT, {**PLACE, "accountName": "a" * 25, "kind": "StorageV2"}),
        (REGISTRY, {**PLACE, "registryName": "with-hyphen"}),
        (vault.VAULT, {**VAULT, "vaultName": "a" * 25}),
        (vault.VAULT, {**VAULT, "vaultName": "two--hyphens"}),
        (web.PLAN, {**PLACE, "name": "a" * 41}),
    ],
)
def test_names_that_azure_refuses(azure: Azure, type_: str, inputs: dict[str, object]) -> None:
    with pytest.raises(CloudError, match="InvalidResourceName"):
        azure.make(type_, "x", **inputs)


def test_names_that_the_whole_world_shares(azure: Azure) -> None:
    azure.make(ACCOUNT, "x", **PLACE, accountName="taken12", kind="StorageV2")
    azure.make(GROUP_TYPE, "b", resourceGroupName="b", location="eastus")
    with pytest.raises(CloudError, match="NameNotAvailable"):
        azure.make(ACCOUNT, "y", resourceGroupName="b", location="eastus", accountName="taken12", kind="StorageV2")


def test_every_type_is_replaced_by_a_new_name_group_or_place(azure: Azure) -> None:
    for type_, handler in azure.cloud.handlers.items():
        assert handler.autoname in handler.replace_on, type_
        if type_.startswith(("azure-native:app", "azure-native:web", "azure-native:keyvault:Vault")):
            assert {"resourceGroupName", "location"} <= handler.replace_on


def test_a_deleted_vault_keeps_its_name(azure: Azure) -> None:
    azure.remove(azure.make(vault.VAULT, "keys", **VAULT, vaultName="keys1"))
    with pytest.raises(CloudError, match="already exists in deleted state"):
        azure.make(vault.VAULT, "keys", **VAULT, vaultName="keys1")
    assert azure.make(vault.VAULT, "keys", **VAULT)["name"] != "keys1"


def test_a_secret_never_gives_its_value_back_and_each_value_is_a_version(azure: Azure) -> None:
    azure.make(vault.VAULT, "keys", **VAULT, vaultName="keys1")
    place = {"resourceGroupName": GROUP, "vaultName": "keys1", "secretName": "key"}
    first = azure.make(vault.SECRET, "key", **place, properties={"value": "one"})
    same = azure.change(first, tags={"a": "b"})
    second = azure.change(same, properties={"value": "two"})
    uris = [secret["properties"]["secretUriWithVersion"] for secret in (first, same, second)]
    assert uris[0] == uris[1] != uris[2]
    assert "two" not in repr(second.outputs["properties"])


def test_a_secret_goes_with_its_vault_only(azure: Azure) -> None:
    keys = azure.make(vault.VAULT, "keys", **VAULT, vaultName="keys1")
    place = {"resourceGroupName": GROUP, "vaultName": "keys1", "secretName": "key"}
    secret = azure.make(vault.SECRET, "key", **place, properties={"value": "one"})
    with pytest.raises(CloudError, match="ForbiddenByRbac"):
        azure.remove(secret)
    azure.remove(keys)
    assert azure.cloud.resources(vault.SECRET) == []


def test_an_assignment_cannot_be_changed_nor_made_twice(azure: Azure) -> None:
    identity, account = azure.identity("a"), azure.account("acc1")
    role = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    grant = azure.grant(identity, role, account.id)
    with pytest.raises(CloudError, match="RoleAssignmentUpdateNotPermitted"):
        azure.change(grant, principalId=azure.identity("b")["principalId"])
    with pytest.raises(CloudError, match="RoleAssignmentExists"):
        azure.grant(identity, role, account.id)
    azure.change(grant, condition="(ActionMatches{'x'})")


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"roleAssignmentName": "no-guid"}, "InvalidRoleAssignmentId"),
        ({"roleDefinitionId": "/x/00000000-0000-4000-8000-00000000ffff"}, "RoleDefinitionDoesNotExist"),
        ({"principalId": "nobody"}, "PrincipalNotFound"),
    ],
)
def test_assignments_that_azure_refuses(azure: Azure, inputs: dict[str, str], code: str) -> None:
    right = {
        "roleAssignmentName": "00000000-0000-4000-8000-000000000001",
        "roleDefinitionId": "/x/7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "principalId": azure.identity("a")["principalId"],
        "principalType": "ServicePrincipal",
        "scope": "/subscriptions/s",
    }
    with pytest.raises(CloudError, match=code):
        azure.make(rbac.ASSIGNMENT, "x", **(right | inputs))


def test_an_app_s_own_identity_can_have_roles_while_the_app_exists(azure: Azure) -> None:
    world = World(azure)
    identity = world.site.outputs["identity"]
    assert identity["type"] == "SystemAssigned"
    azure.remove(world.site)
    with pytest.raises(CloudError, match="PrincipalNotFound"):
        azure.grant(identity, "7f951dda-4ed3-4680-a7ca-43fe172d538d", "/subscriptions/s/resourceGroups/group")


def test_a_role_that_is_assigned_cannot_be_deleted(azure: Azure) -> None:
    guid = "00000000-0000-4000-8000-0000000000aa"
    role = azure.make(
        rbac.DEFINITION, "r", roleDefinitionId=guid, roleName="r", scope="/s", permissions=[{"actions": ["a"]}]
    )
    grant = azure.grant(azure.identity("a"), guid, "/s")
    with pytest.raises(CloudError, match="RoleDefinitionHasAssignments"):
        azure.remove(role)
    azure.remove(grant)
    azure.remove(role)


def test_a_role_s_title_is_unique_in_the_tenant(azure: Azure) -> None:
    same = {"roleName": "same", "scope": "/s", "permissions": []}
    azure.make(rbac.DEFINITION, "r", roleDefinitionId="00000000-0000-4000-8000-0000000000a1", **same)
    with pytest.raises(CloudError, match="RoleDefinitionWithSameNameExists"):
        azure.make(rbac.DEFINITION, "r", roleDefinitionId="00000000-0000-4000-8000-0000000000a2", **same)


def test_an_environment_keeps_what_its_jobs_need(azure: Azure) -> None:
    shared = {"name": "Consumption", "workloadProfileType": "Consumption"}
    profiles = [shared, {"name": "E4", "workloadProfileType": "E4", "minimumCount": 0, "maximumCount": 12}]
    environment = azure.make(jobs.ENVIRONMENT, "env", **PLACE, workloadProfiles=profiles)
    job = azure.make(
        jobs.JOB,
        "alpha",
        **PLACE,
        environmentId=environment.id,
        workloadProfileName="E4",
        configuration={"replicaTimeout": 60},
        template={"containers": [{"name": "node", "image": "i", "resources": {"cpu": 4, "memory": "16Gi"}}]},
    )
    with pytest.raises(CloudError, match="WorkloadProfileInUse"):
        azure.change(environment, workloadProfiles=profiles[:1])
    with pytest.raises(CloudError, match="ManagedEnvironmentNotEmpty"):
        azure.remove(environment)
    azure.remove(job)
    azure.remove(environment)


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"name": "E32", "workloadProfileType": "E32", "maximumCount": 2}, "cannot be more than 50"),
        ({"name": "T4", "workloadProfileType": "Consumption-GPU-NC8as-T4", "maximumCount": 1}, "is not supported for"),
        ({"name": "Consumption-GPU-NC8as-T4", "workloadProfileType": "Consumption-GPU-NC8as-T4"}, "NameTooLong"),
    ],
)
def test_profiles_that_azure_refuses(azure: Azure, profile: dict[str, object], message: str) -> None:
    with pytest.raises(CloudError, match=message):
        azure.make(jobs.ENVIRONMENT, "env", **PLACE, workloadProfiles=[profile])


def test_a_serverless_machine_is_taken_as_a_whole(azure: Azure) -> None:
    profiles = [{"name": "T4", "workloadProfileType": "Consumption-GPU-NC8as-T4"}]
    environment = azure.make(jobs.ENVIRONMENT, "env", **PLACE, workloadProfiles=profiles)
    job = {
        **PLACE,
        "environmentId": environment.id,
        "workloadProfileName": "T4",
        "configuration": {"replicaTimeout": 60},
    }
    container = {"name": "node", "image": "i", "resources": {"cpu": 8, "memory": "56Gi"}}
    azure.make(jobs.JOB, "alpha", **job, template={"containers": [container]})
    small = {**container, "resources": {"cpu": 2, "memory": "16Gi"}}
    with pytest.raises(CloudError, match="8 / 56Gi only"):
        azure.make(jobs.JOB, "beta", **job, template={"containers": [small]})
