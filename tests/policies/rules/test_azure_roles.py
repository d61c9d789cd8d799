"""Roles on Azure: no broad built-in roles, no roles on a subscription, no wildcards in definitions."""

from __future__ import annotations

import pytest

from policies.resource import UNKNOWN
from policies.rules.azure_roles import BROAD
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
