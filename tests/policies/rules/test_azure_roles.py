"""Roles on Azure: no broad built-in roles, no roles on a subscription, no wildcards in definitions."""

from __future__ import annotations

import pytest

from policies.resource import UNKNOWN
from policies.rules.azure_roles import BROAD, CONDITION, TRIGGER
from providers.azure import roles
from providers.azure.trigger import HOST_ROLES
from tests.policies.single_rule import run_rule

GROUP = "/subscriptions/s/resourceGroups/g"
ASSIGNMENT, DEFINITION = "azure-native:authorization:RoleAssignment", "azure-native:authorization:RoleDefinition"
RULE = "no-wildcard-on-azure"


def built_in(guid: str) -> str:
    return f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{guid}"


@pytest.mark.parametrize("guid", BROAD)
def test_a_broad_role(guid: str) -> None:
    scope = f"{GROUP}/providers/Microsoft.App/jobs/alpha"
    (sentence,) = run_rule(RULE, ASSIGNMENT, {"roleDefinitionId": built_in(guid.upper()), "scope": scope})
    assert BROAD[guid] in sentence


@pytest.mark.parametrize("scope", ["/subscriptions/s", "/", "/providers/Microsoft.Management/managementGroups/all"])
def test_a_role_on_a_subscription(scope: str) -> None:
    pull = built_in("7f951dda-4ed3-4680-a7ca-43fe172d538d")
    assert scope in run_rule(RULE, ASSIGNMENT, {"roleDefinitionId": pull, "scope": scope})[0]
    assert run_rule(RULE, ASSIGNMENT, {"roleDefinitionId": pull, "scope": f"{GROUP}/providers/x"}) == []
    assert run_rule(RULE, ASSIGNMENT, {"roleDefinitionId": pull, "scope": UNKNOWN}) == []
    versioned = "azure-native:authorization/v20220401:RoleAssignment"
    assert run_rule(RULE, versioned, {"roleDefinitionId": pull, "scope": scope}) != []


@pytest.mark.parametrize("which", ["actions", "dataActions"])
def test_a_definition(which: str) -> None:
    good = {"permissions": [{which: ["Microsoft.App/jobs/read"]}], "assignableScopes": [GROUP]}
    assert run_rule(RULE, DEFINITION, good) == []
    assert "wildcard" in run_rule(RULE, DEFINITION, {**good, "permissions": [{which: ["Microsoft.App/*"]}]})[0]
    assert (
        "at most one resource group"
        in run_rule(RULE, DEFINITION, {**good, "assignableScopes": ["/subscriptions/s"]})[0]
    )


TRIGGER_ROLE = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


def test_a_role_on_a_whole_group_is_the_trigger_s_with_its_condition() -> None:
    right = {"roleDefinitionId": TRIGGER_ROLE, "scope": GROUP, "condition": CONDITION}
    assert run_rule(RULE, ASSIGNMENT, right, "trigger") == []
    assert run_rule(RULE, ASSIGNMENT, {**right, "condition": UNKNOWN}, "trigger") == []
    assert "without the condition" in run_rule(RULE, ASSIGNMENT, right, "cluster")[0]
    for condition in (None, "", CONDITION.replace("'claims-'", "''"), f"{CONDITION} OR (1 NumericEquals 1)"):
        (sentence,) = run_rule(RULE, ASSIGNMENT, {**right, "condition": condition}, "trigger")
        assert "without the condition" in sentence, condition


def test_a_trigger_has_no_other_roles() -> None:
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/host"
    for role in HOST_ROLES.values():
        assert run_rule(RULE, ASSIGNMENT, {"roleDefinitionId": built_in(role), "scope": account}, "trigger") == []
    secrets = {"roleDefinitionId": built_in("4633458b-17de-408a-b874-0445c86b69e6"), "scope": account}
    assert "does not need" in run_rule(RULE, ASSIGNMENT, secrets, "trigger")[0]
    assert run_rule(RULE, ASSIGNMENT, secrets, "cluster") == []


def test_a_trigger_s_role_has_its_permissions_and_no_others() -> None:
    lists = {"actions": roles.TRIGGER_ACTIONS, "dataActions": roles.TRIGGER_DATA_ACTIONS}
    assert {action for actions in lists.values() for action in actions} == TRIGGER
    assert roles.TRIGGER_CONDITION == CONDITION
    good = {"permissions": [lists], "assignableScopes": [GROUP]}
    assert run_rule(RULE, DEFINITION, good, "trigger") == []
    for action in ("Microsoft.App/jobs/write", "Microsoft.App/jobs/listSecrets/action"):
        more = {**good, "permissions": [{**lists, "actions": [*lists["actions"], action]}]}
        assert action in run_rule(RULE, DEFINITION, more, "trigger")[0]
