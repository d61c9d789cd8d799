"""The resources that Azure nodes register: their parents, number, permissions and secrets."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.generate.recorder import SECRET_KEY, WEBHOOK_KEY, Registered
from providers.azure import roles
from providers.azure.cluster import LOG_TABLES
from providers.component import derive_token
from tests.providers.azure.program import Program, problems
from trigger.table import Row

Make = Callable[..., Program]
ALPHA, BETA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
TWO = f"""
defaults: {{cloud: azure, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {ALPHA}, schedule: {{cron: "0 13 * * 2-6", timezone: America/New_York}}}}
  beta: {{model: {BETA}, size: gen-2xl, command: python predict.py, enabled: false, env: {{EXTRA: "1"}}}}
"""
HOST = {"azure-eastus-host", "azure-eastus-host-events"}
"""The roles of the Functions host on its own storage account."""


@pytest.fixture(scope="module")
def two(shared_program: Make) -> Program:
    return shared_program(TWO)


def settings(site: Registered) -> dict[str, str]:
    return {each["name"]: each["value"] for each in site.inputs["siteConfig"]["appSettings"]}


def container(job: Registered) -> dict[str, Any]:
    found: dict[str, Any] = job.inputs["template"]["containers"][0]
    return found


def test_everything_hangs_under_its_node_or_cluster(two: Program) -> None:
    for resource in two.list_resources():
        assert two.find_owner(resource).name in ("alpha", "beta", "azure-eastus"), resource


def list_kinds(program: Program, owner: str) -> list[str]:
    return sorted(each.type.rsplit(":", 1)[-1] for each in program.list_owned(owner))


def test_few_resources(two: Program) -> None:
    assert list_kinds(two, "alpha") == list_kinds(two, "beta") == ["BlobContainer", "ImageBuild", "Job"]
    assert list_kinds(two, "azure-eastus") == [
        "AppServicePlan", "AzureServices", "BlobContainer", "Component",
        # with its environment, one for each profile in use
        "DiagnosticSetting", "DiagnosticSetting", "FunctionCode", "ManagedEnvironment", "ManagedEnvironment",
        "ManagementPolicy", "Registry", "ResourceGroup",
        # the trigger's three, and for the account the images, the keys and the watch
        *["RoleAssignment"] * 6, "RoleDefinition",
        "Secret", "Secret", "StorageAccount", "StorageAccount", "UserAssignedIdentity", "Vault", "WebApp", "Workspace",
    ]  # fmt: skip


NODES = {
    "alpha": f"model: {ALPHA}",
    "beta": f"model: {BETA}, enabled: false, size: cpu-lg",
    "gamma": f'model: {ALPHA[:-1]}3, schedule: "0 13 * * *", env: {{EXTRA: x}}',
    "delta": f"model: {ALPHA[:-1]}4, build: {{docker: true}}",
}


def describe(program: Program, owner: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each.type, each.name): each.inputs for each in program.list_owned(owner)}


def test_another_node_changes_neither_the_region_nor_other_nodes(
    program: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.azure.login.exchange", lambda _server, _token: "planted-registry-token")
    seen = []
    for number in range(1, len(NODES) + 1):
        text = "".join(f"  {name}: {{{NODES[name]}}}\n" for name in list(NODES)[:number])
        seen.append(program(f"defaults: {{cloud: azure, source: m}}\nnodes:\n{text}"))
        (tmp_path / "m" / "Dockerfile").unlink(missing_ok=True)
        (tmp_path / "m" / "Dockerfile").write_text("FROM python:3.12-slim\n")
    for before, after in itertools.pairwise(seen):
        for owner in ("azure-eastus", *(node.name for node in before.nodes)):
            assert describe(after, owner) == describe(before, owner)


def test_no_node_depends_on_another(two: Program) -> None:
    owners = {each.urn: two.find_owner(each).name for each in two.list_resources() if each.urn}
    for each in two.list_resources():
        for needed in each.depends_on:
            assert owners.get(needed) in (owners[each.urn], "azure-eastus"), (each.name, needed)


def test_sdk_and_arm_types_have_nothing_against_the_inputs(two: Program) -> None:
    assert {each.name: found for each in two.list_resources() if (found := problems(each))} == {}


def test_everything_that_can_be_is_tagged(two: Program) -> None:
    no_tags = ("RoleDefinition", "RoleAssignment", "BlobContainer", "ManagementPolicy", "DiagnosticSetting")
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


def list_grants(program: Program, holder: Registered) -> dict[str, dict[str, Any]]:
    assignments = program.list_resources(":RoleAssignment")
    return {each.name: each.inputs for each in assignments if holder.urn in each.depends_on}


def test_a_trigger_has_one_role_in_its_group_and_owns_its_host_s_storage(two: Program) -> None:
    site = two.find(":WebApp", "azure-eastus")
    assert site.inputs["identity"] == {"type": "SystemAssigned"}
    grants = list_grants(two, site)
    assert set(grants) == HOST | {"azure-eastus-trigger", "azure-eastus-watch"}
    assert grants["azure-eastus-watch"]["scope"].rsplit("/", 1)[-1].startswith("keys")
    assert grants["azure-eastus-watch"]["roleDefinitionId"].endswith(roles.KEY_VAULT_SECRETS_USER)
    trigger, host, events = grants["azure-eastus-trigger"], *(grants[name] for name in sorted(HOST))
    assert trigger["scope"].endswith("/ResourceGroup/prediction-nodes-dev-eastus")
    assert (trigger["condition"], trigger["conditionVersion"]) == (roles.TRIGGER_CONDITION, "2.0")
    accounts = {each.name for each in two.list_owned("azure-eastus") if each.type.endswith(":StorageAccount")}
    assert host["scope"].rsplit("/", 1)[-1] in {name for name in accounts if name.startswith("host")}
    assert events["scope"] == host["scope"]
    held = [grant["roleDefinitionId"].rsplit("/", 1)[-1] for grant in (host, events)]
    assert held == [roles.STORAGE_BLOB_DATA_OWNER, roles.STORAGE_TABLE_DATA_CONTRIBUTOR]
    assert not [grant for grant in grants.values() if grant["principalType"] != "ServicePrincipal"]


def test_the_custom_role_holds_the_least_that_works(two: Program) -> None:
    (role,) = two.list_resources(":RoleDefinition")
    containers = "Microsoft.Storage/storageAccounts/blobServices/containers"
    actions = ["jobs/read", "jobs/start/action", "jobs/executions/read"]
    assert role.inputs["permissions"] == [
        {
            "actions": [*(f"Microsoft.App/{action}" for action in actions), f"{containers}/read"],
            "dataActions": [f"{containers}/blobs/read", f"{containers}/blobs/add/action"],
        }
    ]


def test_role_names_are_guids_of_their_own(two: Program) -> None:
    names = [each.inputs["roleAssignmentName"] for each in two.list_resources(":RoleAssignment")]
    assert len(set(names)) == len(names) == 6
    assert not [name for name in names if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name)]


def test_a_job_has_no_identity_at_run_time(two: Program) -> None:
    job = two.find(":Job", "alpha")
    identities = job.inputs["identity"]["userAssignedIdentities"]
    assert job.inputs["configuration"]["identitySettings"] == [{"identity": identities[0], "lifecycle": "None"}]
    grants = list_grants(two, two.find(":UserAssignedIdentity", "azure-eastus"))
    assert sorted(grants) == ["azure-eastus-keys", "azure-eastus-pull"]


def test_jobs_of_another_account_have_an_identity_that_reads_its_keys_only(program: Make) -> None:
    both = program(
        "defaults: {cloud: azure, source: m}\n"
        f"nodes: {{alpha: {{model: {ALPHA}}}, beta: {{model: {BETA}, account: fund}}}}"
    )
    vaults = {each.inputs["vaultName"] for each in both.list_resources("keyvault:Secret")}
    assert len(vaults) == 2
    for node, identity, ending in (("alpha", "azure-eastus", ""), ("beta", "azure-eastus-fund", "-fund")):
        job = both.find(":Job", node)
        (id_,) = job.inputs["identity"]["userAssignedIdentities"]
        assert id_.endswith(f"/UserAssignedIdentity/{identity}")
        keys = {f"numerai-public-id{ending}", f"numerai-secret{ending}"}
        references = job.inputs["configuration"]["secrets"]
        assert {(each["name"], each["identity"]) for each in references} == {(key, id_) for key in keys}
        vault = list_grants(both, both.find(":UserAssignedIdentity", identity))[f"{identity}-keys"]["scope"]
        holders = {both.find("keyvault:Secret", f"{key}-eastus").inputs["vaultName"] for key in keys}
        assert holders == {f"{vault.rsplit('/', 1)[-1]}12345678"}


def test_keys_are_references_and_nothing_secret_is_plain(two: Program) -> None:
    env = {each["name"]: each for each in container(two.find(":Job", "alpha"))["env"]}
    assert env["NUMERAI_SECRET_KEY"] == {"name": "NUMERAI_SECRET_KEY", "secretRef": "numerai-secret"}
    for each in two.list_resources():
        for path, value in flat(each.inputs):
            if isinstance(value, str) and ("planted" in value or WEBHOOK_KEY in value or SECRET_KEY in value):
                assert any(path.startswith(secret) for secret in each.secrets), (each.type, path)
    assert set(settings(two.find(":WebApp", "azure-eastus"))) == {
        "APPLICATIONINSIGHTS_CONNECTION_STRING", "AzureWebJobsStorage__accountName", "STORE_URL",
    }  # fmt: skip


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in flat(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in flat(item, f"{path}[{index}]")]
    return [(path, value)]


def test_every_environment_sends_its_logs_to_the_workspace_without_a_key(two: Program) -> None:
    workspace = two.find(":Workspace", "azure-eastus")
    for environment in two.list_resources(":ManagedEnvironment"):
        assert environment.inputs["appLogsConfiguration"] == {"destination": "azure-monitor"}
        setting = two.find(":DiagnosticSetting", environment.name).inputs
        assert setting["resourceUri"].endswith(f"/ManagedEnvironment/{environment.name}")
        assert setting["workspaceId"].endswith(f"/Workspace/{workspace.name}")
        assert setting["logAnalyticsDestinationType"] == "Dedicated"
        assert [each["category"] for each in setting["logs"] if each["enabled"]] == list(LOG_TABLES)


def test_sizes_choose_profile_and_environment(two: Program) -> None:
    alpha, beta = two.find(":Job", "alpha"), two.find(":Job", "beta")
    assert alpha.inputs["workloadProfileName"] == "Consumption"
    assert container(alpha)["resources"] == {"cpu": 2.0, "memory": "4Gi"}
    assert beta.inputs["workloadProfileName"] == "D16"
    assert container(beta)["resources"] == {"cpu": 16.0, "memory": "60Gi"}
    profiles = two.find(":ManagedEnvironment", "azure-eastus-d16").inputs["workloadProfiles"]
    wanted = {"name": "D16", "workloadProfileType": "D16", "minimumCount": 0, "maximumCount": 6}
    assert profiles[1].items() >= wanted.items()
    assert beta.inputs["environmentId"].endswith("/azure-eastus-d16")


def test_no_dedicated_machine_without_need(program: Make) -> None:
    small = program(f"nodes: {{alpha: {{model: {ALPHA}, cloud: azure, source: m}}}}")
    assert [each.name for each in small.list_resources(":ManagedEnvironment")] == ["azure-eastus"]
    assert len(small.list_owned("azure-eastus")) == 25


def test_fields_reach_job_and_trigger(two: Program) -> None:
    beta = container(two.find(":Job", "beta"))
    assert beta["args"] == ["python", "predict.py"]
    assert {"name": "EXTRA", "value": "1"} in beta["env"]
    assert "args" not in container(two.find(":Job", "alpha"))


def test_a_node_s_container_holds_its_row_and_follows_its_job(two: Program) -> None:
    rows = {}
    for name in ("alpha", "beta"):
        row = two.find(":BlobContainer", f"{name}@eastus")
        assert two.find(":Job", name).urn in row.depends_on
        assert row.inputs["containerName"] == f"claims-{name}"
        assert row.inputs["accountName"].startswith("claims")
        rows[name] = Row.read_columns(row.inputs["metadata"])
        assert set(row.inputs["metadata"].values()).isdisjoint({"", None}), "Azure refuses empty values"
    alpha, beta = rows["alpha"], rows["beta"]
    assert alpha is not None
    assert beta is not None
    assert (alpha.node, alpha.model_id, alpha.enabled) == ("alpha", ALPHA, "yes")
    assert (alpha.cron, alpha.timezone) == ("0 13 * * 2-6", "America/New_York")
    assert alpha.job.endswith("/Job/alpha")
    assert alpha.token_sha256 == hashlib.sha256(derive_token(WEBHOOK_KEY, "alpha", ALPHA).encode()).hexdigest()
    assert (beta.enabled, beta.cron, beta.timezone) == ("no", "", "")


def test_the_code_waits_for_the_rights_and_goes_where_the_app_says(two: Program) -> None:
    code = two.find(":FunctionCode", "azure-eastus")
    names = {each.name for each in two.list_resources(":RoleAssignment") if each.urn in code.depends_on}
    assert names == HOST | {"azure-eastus-trigger"}
    assert code.inputs["publisher"] == f"{code.inputs['site']}.scm.azurewebsites.net"
    assert "token" in code.secrets


def test_a_job_waits_for_the_rights_of_its_puller(two: Program) -> None:
    for kind, name in ((":Job", "alpha"), (":ImageBuild", "alpha@eastus")):
        needed = two.find(kind, name).depends_on
        assert not [
            each
            for each in two.list_resources(":RoleAssignment")
            if each.name in ("azure-eastus-keys", "azure-eastus-pull") and each.urn not in needed
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
