"""The user's own rights of a node's code: on AWS a role with policies, on the other clouds an identity of the user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.generate.recorder import Program, Registered
from nodefile.clouds import REGIONS
from providers.aws.limits import check
from providers.checks import list_rights, load_checked
from tests.providers import patients
from tests.providers.objections import objections
from tests.providers.written import run

ARNS = ("arn:aws:iam::123456789012:policy/prediction-nodes-read", "arn:aws:iam::123456789012:policy/team/write")
EMAIL = "my-model@my-project.iam.gserviceaccount.com"
ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mine/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/my-model"
)
RIGHTS = {
    "aws": f"aws: {{{{job-policy-arns: ['{ARNS[0]}', '{ARNS[1]}']}}}}",
    "gcp": f"gcp: {{{{job-service-account: {EMAIL}}}}}",
    "azure": f"azure: {{{{job-identity: {ID}}}}}",
}


def register(cloud: str, folder: Path) -> Program:
    text = (
        "defaults: {{cloud: {cloud}, source: m}}\n"
        "nodes:\n"
        f"  alpha: {{{{model: {{model}}1, secrets: [VENDOR], {RIGHTS[cloud]}}}}}\n"
        "  beta: {{model: {model}2}}\n"
        f"  gamma: {{{{model: {{model}}3, account: fund, {RIGHTS[cloud]}}}}}\n"
    )
    return run(cloud, text, folder)


@pytest.mark.parametrize("cloud", REGIONS)
def test_sdk_and_schema_accept_secrets_and_rights(cloud: str, tmp_path: Path) -> None:
    package = {"azure": "azure-native"}.get(cloud, cloud)
    for each in register(cloud, tmp_path).list_resources():
        files = {"code", "source"} & each.inputs.keys()
        inputs = {key: value for key, value in each.inputs.items() if key not in files}
        found = [objection for objection in objections(package, each, inputs) if objection[0] not in files]
        assert found == [], each.name


def test_aws_attaches_the_policies_to_a_role_of_the_node(tmp_path: Path) -> None:
    program = register("aws", tmp_path)
    names = {each.name for each in program.list_resources(":Role") if each.name.endswith("-job")}
    assert names == {"alpha-job", "gamma-job"}
    role = program.find(":Role", "alpha-job")
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert role.inputs["path"] == "/prediction-nodes-dev/"
    assert role.inputs["tags"]["node"] == "alpha"
    attached = [each for each in program.list_owned("alpha") if each.type.endswith(":RolePolicyAttachment")]
    assert [(each.inputs["role"], each.inputs["policyArn"]) for each in attached] == [
        ("alpha-job-1a2b3c4", arn) for arn in ARNS
    ]
    job = program.find(":JobDefinition", "alpha@us-east-1")
    assert json.loads(job.inputs["containerProperties"])["jobRoleArn"].endswith("Role/alpha-job-1a2b3c4")
    assert {each.urn for each in attached} <= job.depends_on
    other = program.find(":JobDefinition", "beta@us-east-1")
    assert "jobRoleArn" not in json.loads(other.inputs["containerProperties"])


def test_the_name_of_an_attachment_does_not_depend_on_the_order(tmp_path: Path) -> None:
    def names(text: str) -> set[str]:
        return {each.name for each in run("aws", text, tmp_path).list_resources(":RolePolicyAttachment")}

    one = f"nodes:\n  alpha: {{{{model: {{model}}1, cloud: {{cloud}}, source: m, {RIGHTS['aws']}}}}}\n"
    assert names(one.replace(f"'{ARNS[0]}', ", "")) < names(one)


def task(program: Program, node: str) -> Registered:
    return next(each for each in program.list_resources("cloudrunv2/job:Job") if each.name == node)


def test_google_s_job_runs_as_the_account_which_may_read_keys_and_secrets(tmp_path: Path) -> None:
    program = register("gcp", tmp_path)
    accounts = {
        node: task(program, node).inputs["template"]["template"]["serviceAccount"]
        for node in ("alpha", "beta", "gamma")
    }
    assert accounts["alpha"] == accounts["gamma"] == EMAIL
    assert accounts["beta"].startswith("run-")
    grants = [each for each in program.list_resources(":SecretIamMember") if EMAIL in each.inputs["member"]]
    assert {each.inputs["secretId"].rpartition("-")[0] for each in grants} == {
        "numerai-public-id", "numerai-secret", "numerai-public-id-fund", "numerai-secret-fund", "VENDOR",
    }  # fmt: skip
    assert {each.urn for each in grants} <= task(program, "alpha").depends_on
    jobs = [each for each in program.list_resources(":Account") if each.inputs["accountId"].split("-")[0] != "trigger"]
    assert not [each for each in jobs if each.inputs["accountId"].startswith("fund-run")], "no job runs as it"


def test_azure_s_container_gets_tokens_for_the_user_s_identity_only(tmp_path: Path) -> None:
    program = register("azure", tmp_path)
    inputs = program.find(":app:Job", "alpha").inputs
    own = next(each for each in inputs["identity"]["userAssignedIdentities"] if each != ID)
    assert inputs["identity"] == {"type": "UserAssigned", "userAssignedIdentities": [own, ID]}
    configuration = inputs["configuration"]
    assert configuration["identitySettings"] == [
        {"identity": own, "lifecycle": "None"},
        {"identity": ID, "lifecycle": "Main"},
    ]
    assert {each["identity"] for each in (*configuration["secrets"], *configuration["registries"])} == {own}
    other = program.find(":app:Job", "beta").inputs
    assert other["configuration"]["identitySettings"] == [{"identity": own, "lifecycle": "None"}]


def test_a_preview_names_them(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").touch()
    lines = [
        f"  {cloud}: {{{{model: {cloud}, source: m, cloud: {cloud}, {rights}}}}}" for cloud, rights in RIGHTS.items()
    ]
    text = "\n".join(["nodes:", *lines, "  none: {{model: none, source: m, cloud: aws}}"])
    (tmp_path / "nodes.yaml").write_text(text.format())
    assert list_rights(load_checked(tmp_path / "nodes.yaml")) == {
        "aws": f"its code has the rights of {ARNS[0]} and {ARNS[1]}",
        "gcp": f"its code has the rights of {EMAIL}",
        "azure": f"its code has the rights of {ID}",
    }


def test_more_policies_than_a_role_may_have() -> None:
    node = patients.node(aws=tuple(f"arn:aws:iam::123456789012:policy/p{number}" for number in range(11)))
    assert list(check(node, "p", "s")) == [
        (
            "aws",
            "11 policies are more than a role may have; the limit is 10: put their statements into fewer policies",
        )
    ]
