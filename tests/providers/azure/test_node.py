"""The resources that Azure nodes register: their parents, number, permissions and secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from docs.generate.recorder import SECRET_KEY, WEBHOOK_KEY, Registered
from providers.azure import roles
from tests.providers.azure.program import Program, problems

Make = Callable[..., Program]
ALPHA, BETA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
TWO = f"""
defaults: {{cloud: azure, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {ALPHA}, schedule: {{cron: "0 13 * * 2-6", timezone: America/New_York}}}}
  beta: {{model: {BETA}, size: gen-2xl, command: python predict.py, enabled: false, env: {{EXTRA: "1"}}}}
"""


@pytest.fixture
def two(program: Make) -> Program:
    return program(TWO)


def settings(site: Registered) -> dict[str, str]:
    return {each["name"]: each["value"] for each in site.inputs["siteConfig"]["appSettings"]}


def container(job: Registered) -> dict[str, Any]:
    found: dict[str, Any] = job.inputs["template"]["containers"][0]
    return found


def test_everything_hangs_under_its_node_or_cluster(two: Program) -> None:
    for resource in two.list_resources():
        assert two.find_owner(resource).name in ("alpha", "beta", "azure-eastus"), resource


def test_few_resources(two: Program) -> None:
    kinds = sorted(each.type.rsplit(":", 1)[-1] for each in two.list_owned("alpha"))
    assert kinds == [
        "AppServicePlan", "BlobContainer", "FunctionCode", "ImageBuild", "Job", "RoleAssignment", "RoleAssignment",
        "RoleAssignment", "StorageAccount", "UserAssignedIdentity", "WebApp",
    ]  # fmt: skip
    assert len(two.list_owned("beta")) == 11
    assert len(two.list_owned("azure-eastus")) == 19  # 18, and one environment for each profile in use


def test_no_node_depends_on_another(two: Program) -> None:
    owners = {each.urn: two.find_owner(each).name for each in two.list_resources() if each.urn}
    for each in two.list_resources():
        for needed in each.depends_on:
            assert owners.get(needed) in (owners[each.urn], "azure-eastus"), (each.name, needed)


def test_sdk_and_arm_types_have_nothing_against_the_inputs(two: Program) -> None:
    assert {each.name: found for each in two.list_resources() if (found := problems(each))} == {}


def test_everything_that_can_be_is_tagged(two: Program) -> None:
    no_tags = ("RoleDefinition", "RoleAssignment", "BlobContainer", "ManagementPolicy")
    for each in two.list_resources():
        if each.type.startswith("azure-native:") and not each.type.endswith(no_tags):
            wanted = {"project": "prediction-nodes", "stack": "dev"}
            if two.find_owner(each).name != "azure-eastus":
                wanted |= {"node": two.find_owner(each).name, "team": "quants"}
            assert each.inputs["tags"] == wanted, each


def test_a_trigger_is_configured_with_nothing_that_its_plan_refuses(two: Program) -> None:
    for site in two.list_resources(":WebApp"):
        # Azure refuses properties of Windows and of other plans; the SDK's class adds some of them.
        assert set(site.inputs["siteConfig"]) == {"minTlsVersion", "appSettings"}
        assert "FUNCTIONS_EXTENSION_VERSION" not in settings(site)


def test_a_trigger_has_exactly_three_rights(two: Program) -> None:
    identity = two.find(":UserAssignedIdentity", "alpha")
    grants = {
        each.name: each
        for each in two.list_resources(":RoleAssignment")
        if each.inputs["principalId"].startswith("principal-") and identity.urn in each.depends_on
    }
    assert set(grants) == {"alpha-start", "alpha-claim", "alpha-host"}
    assert grants["alpha-start"].inputs["scope"].endswith("/Job/alpha")
    assert grants["alpha-claim"].inputs["scope"].endswith("/BlobContainer/azure-eastus")
    assert grants["alpha-claim"].inputs["condition"] == roles.build_claims_condition("alpha")
    assert grants["alpha-claim"].inputs["conditionVersion"] == "2.0"
    host = next(each.name for each in two.list_owned("alpha") if each.type.endswith(":StorageAccount"))
    assert grants["alpha-host"].inputs["scope"].endswith(f"/StorageAccount/{host}")
    assert not [each for each in grants.values() if each.inputs["principalType"] != "ServicePrincipal"]


def test_custom_roles_hold_the_least_that_works(two: Program) -> None:
    starter = two.find(":RoleDefinition", "azure-eastus-starter").inputs["permissions"]
    claimer = two.find(":RoleDefinition", "azure-eastus-claimer").inputs["permissions"]
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    assert starter == [{"actions": ["Microsoft.App/jobs/read", "Microsoft.App/jobs/start/action"], "dataActions": []}]
    assert claimer == [{"actions": [], "dataActions": [f"{blobs}/read", f"{blobs}/add/action"]}]


def test_role_names_are_guids_of_their_own(two: Program) -> None:
    names = [each.inputs["roleAssignmentName"] for each in two.list_resources(":RoleAssignment")]
    assert len(set(names)) == len(names) == 8
    assert not [name for name in names if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name)]


def test_a_job_has_no_identity_at_run_time(two: Program) -> None:
    job = two.find(":Job", "alpha")
    identities = job.inputs["identity"]["userAssignedIdentities"]
    assert job.inputs["configuration"]["identitySettings"] == [{"identity": identities[0], "lifecycle": "None"}]
    puller = two.find(":UserAssignedIdentity", "azure-eastus")
    grants = [each.name for each in two.list_resources(":RoleAssignment") if puller.urn in each.depends_on]
    assert sorted(grants) == ["azure-eastus-keys", "azure-eastus-pull"]


def test_keys_are_references_and_nothing_secret_is_plain(two: Program) -> None:
    env = {each["name"]: each for each in container(two.find(":Job", "alpha"))["env"]}
    assert env["NUMERAI_SECRET_KEY"] == {"name": "NUMERAI_SECRET_KEY", "secretRef": "numerai-secret"}
    for each in two.list_resources():
        for path, value in flat(each.inputs):
            if isinstance(value, str) and ("planted" in value or WEBHOOK_KEY in value or SECRET_KEY in value):
                assert any(path.startswith(secret) for secret in each.secrets), (each.type, path)
    assert not [value for value in map(str, settings(two.find(":WebApp", "alpha"))) if "token" in value]


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in flat(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in flat(item, f"{path}[{index}]")]
    return [(path, value)]


def test_sizes_choose_profile_and_environment(two: Program) -> None:
    alpha, beta = two.find(":Job", "alpha"), two.find(":Job", "beta")
    assert alpha.inputs["workloadProfileName"] == "Consumption"
    assert container(alpha)["resources"] == {"cpu": 2.0, "memory": "4Gi"}
    assert beta.inputs["workloadProfileName"] == "D16"
    assert container(beta)["resources"] == {"cpu": 16.0, "memory": "60Gi"}
    profiles = two.find(":ManagedEnvironment", "azure-eastus-d16").inputs["workloadProfiles"]
    wanted = {"name": "D16", "workloadProfileType": "D16", "minimumCount": 0, "maximumCount": 1}
    assert profiles[1].items() >= wanted.items()
    assert beta.inputs["environmentId"].endswith("/azure-eastus-d16")


def test_no_dedicated_machine_without_need(program: Make) -> None:
    small = program(f"nodes: {{alpha: {{model: {ALPHA}, cloud: azure, source: m}}}}")
    assert [each.name for each in small.list_resources(":ManagedEnvironment")] == ["azure-eastus"]
    assert len(small.list_owned("azure-eastus")) == 18


def test_fields_reach_job_and_trigger(two: Program) -> None:
    beta = container(two.find(":Job", "beta"))
    assert beta["args"] == ["python", "predict.py"]
    assert {"name": "EXTRA", "value": "1"} in beta["env"]
    assert "args" not in container(two.find(":Job", "alpha"))
    assert settings(two.find(":WebApp", "beta"))["NODE_ENABLED"] == "0"
    alpha = settings(two.find(":WebApp", "alpha"))
    assert (alpha["SCHEDULE_CRON"], alpha["SCHEDULE_TIMEZONE"]) == ("0 13 * * 2-6", "America/New_York")
    assert alpha["SCHEDULE_TICKS"] == "0 0 17,18 * * *"


def test_a_disabled_node_has_no_timer(program: Make) -> None:
    off = program(
        f'nodes: {{alpha: {{model: {ALPHA}, cloud: azure, source: m, enabled: false, schedule: "0 1 * * *"}}}}'
    )
    assert not [name for name in settings(off.find(":WebApp", "alpha")) if name.startswith("SCHEDULE")]


def test_the_code_waits_for_the_rights_and_goes_where_the_app_says(two: Program) -> None:
    code = two.find(":FunctionCode", "alpha")
    names = {each.name for each in two.list_resources(":RoleAssignment") if each.urn in code.depends_on}
    assert {"alpha-start", "alpha-claim", "alpha-host"} <= names
    assert code.inputs["publisher"] == f"{code.inputs['site']}.scm.azurewebsites.net"
    assert "token" in code.secrets


def test_a_job_waits_for_the_rights_of_its_puller(two: Program) -> None:
    for kind in (":Job", ":ImageBuild"):
        needed = two.find(kind, "alpha").depends_on
        assert not [
            each
            for each in two.list_resources(":RoleAssignment")
            if each.name.startswith("azure-eastus") and each.urn not in needed
        ]


def test_two_regions_share_nothing(program: Make) -> None:
    both = program(
        "defaults: {cloud: azure, source: m}\n"
        f"nodes: {{alpha: {{model: {ALPHA}}}, beta: {{model: {BETA}, region: westeurope}}}}"
    )
    for kind in (":ResourceGroup", ":Vault", ":Registry", ":ManagedEnvironment", ":UserAssignedIdentity"):
        names = [each.name for each in both.list_resources(kind)]
        assert len(set(names)) == len(names) >= 2, kind
    assert {each.inputs["location"] for each in both.list_owned("beta") if "location" in each.inputs} == {"westeurope"}
    assert {each.inputs["location"] for each in both.list_owned("alpha") if "location" in each.inputs} == {"eastus"}


LIMITS = {
    "Registry": r"[a-z0-9]{5,50}", "StorageAccount": r"[a-z0-9]{3,24}", "Vault": r"[a-z][a-z0-9]{2,23}",
    "WebApp": r"[a-z0-9-]{2,60}", "AppServicePlan": r"[a-z0-9-]{1,40}", "Job": r"[a-z][a-z0-9-]{1,31}",
    "ManagedEnvironment": r"[a-z0-9-]{2,60}", "ResourceGroup": r"[-\w.()]{1,90}", "Workspace": r"[a-z0-9-]{4,63}",
    "UserAssignedIdentity": r"[a-z0-9-]{3,128}", "Component": r"[a-z0-9-]{1,260}",
}  # fmt: skip


def test_names_fit_for_the_longest_node_project_and_stack(program: Make) -> None:
    longest = program(
        "defaults: {cloud: azure, source: m, region: germanywestcentral, size: gen-2xl}\n"
        f"nodes: {{{'a' * 20}: {{model: {ALPHA}}}}}",
        project="p" * 100,
        stack_name="s" * 100,
    )
    seen = set()
    for each in longest.list_resources():
        kind = each.type.rsplit(":", 1)[-1]
        if kind in LIMITS:
            seen.add(kind)
            assert re.fullmatch(LIMITS[kind], f"{each.name}1a2b3c4d"), (kind, each.name)
    assert seen == set(LIMITS)


def test_a_secret_goes_with_its_vault_and_never_by_itself(two: Program) -> None:
    secrets = [each for each in two.list_resources(":Secret") if each.type.startswith("azure-native:keyvault:")]
    assert len(secrets) == 2
    for secret in secrets:
        assert secret.retained, "azure-native deletes secrets by a call that an owner of the subscription may not make"
        assert "secretName" not in secret.inputs, "a fixed name would meet what is left of its predecessor"


def test_the_claims_role_has_time_to_spread_before_it_is_given(two: Program) -> None:
    assert two.find(":Job", "alpha").urn in two.find(":RoleAssignment", "alpha-claim").depends_on
