"""The resources that AWS nodes register: their parents, number, permissions and secrets."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from docs.generate.mocks.aws import ACCOUNT
from docs.generate.recorder import SECRET_KEY, WEBHOOK_KEY, Registered
from providers.aws.archive import ARCHIVE
from tests.providers import patients
from tests.providers.aws.program import Program, problems
from trigger.table import Row

Make = Callable[..., Program]
ALPHA, BETA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
TWO = f"""
defaults: {{cloud: aws, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {ALPHA}, schedule: {{cron: "0 13 * * 2-6", timezone: America/New_York}}}}
  beta: {{model: {BETA}, size: gen-2xl, command: python predict.py, enabled: false, env: {{EXTRA: "1"}}, disk: 50GiB}}
"""
CLUSTER = "aws-us-east-1"


@pytest.fixture(scope="module")
def two(shared_program: Make) -> Program:
    return shared_program(TWO)


def container(job: Registered) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(job.inputs["containerProperties"])
    return found


def statements(policy: Registered) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy.inputs["policy"])["Statement"]
    return found


def row(program: Program, node: str) -> Row:
    """Return a node's row in the trigger's table."""
    folder, key = program.find(":BucketObjectv2", f"{node}@us-east-1").inputs["key"].split("/", 1)
    assert folder == "table"
    found = Row.read_key(key)
    assert found
    return found


def test_everything_hangs_under_its_node_or_cluster(two: Program) -> None:
    for resource in two.list_resources():
        assert two.find_owner(resource).name in ("alpha", "beta", CLUSTER), resource


def count(resources: list[Registered]) -> Counter[str]:
    return Counter(each.type.rsplit(":", 1)[-1] for each in resources)


NODE = ["BucketObjectv2", "ImageBuild", "JobDefinition", "LifecyclePolicy", "Repository"]


def test_few_resources(two: Program) -> None:
    assert sorted(count(two.list_owned("alpha")).elements()) == [*NODE, "Schedule"]
    assert sorted(count(two.list_owned("beta")).elements()) == NODE
    assert count(two.list_owned(CLUSTER)) == {
        "Bucket": 1, "BucketLifecycleConfiguration": 1, "BucketPublicAccessBlock": 1, "ComputeEnvironment": 1,
        "Function": 1, "FunctionUrl": 1, "InternetGateway": 1, "JobQueue": 1, "LogGroup": 3, "Project": 1, "Role": 4,
        "RolePolicy": 5, "RouteTable": 1, "RouteTableAssociation": 2, "Schedule": 1, "ScheduleGroup": 1, "Secret": 1,
        "SecretVersion": 1, "SecurityGroup": 1, "SecurityGroupEgressRule": 1, "Subnet": 2, "Vpc": 1,
    }  # fmt: skip


def test_adding_changing_and_removing_a_node_changes_nothing_else(program: Make) -> None:
    def inputs(made: Program, *owners: str) -> dict[tuple[str, str], Any]:
        owned = [each for owner in owners for each in made.list_owned(owner)]
        # Archives, which have no `==`, are the same in each program.
        return {(each.type, each.name): {**each.inputs, "code": None} for each in owned}

    before = inputs(program(TWO), CLUSTER, "alpha")
    changes = {
        "added": TWO + "  gamma: {model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c03}\n",
        "changed": TWO.replace("size: gen-2xl", "size: gen-lg").replace("enabled: false", 'schedule: "0 1 * * *"'),
        "removed": "\n".join(TWO.splitlines()[:-1]) + "\n",
    }
    for change, text in changes.items():
        assert text != TWO
        assert inputs(program(text), CLUSTER, "alpha") == before, change


def test_no_node_depends_on_another(two: Program) -> None:
    owners = {each.urn: two.find_owner(each).name for each in two.list_resources() if each.urn}
    for each in two.list_resources():
        for needed in each.depends_on:
            assert owners.get(needed) in (owners[each.urn], CLUSTER), (each.name, needed)


def test_sdk_and_schema_have_nothing_against_the_inputs(two: Program) -> None:
    assert {each.name: found for each in two.list_resources() if (found := problems(each))} == {}


def test_everything_that_can_be_is_tagged(two: Program) -> None:
    no_tags = (
        "RolePolicy", "LifecyclePolicy", "FunctionUrl", "Schedule", "SecretVersion", "BucketPublicAccessBlock",
        "BucketLifecycleConfiguration", "RouteTableAssociation",
        "BucketObjectv2",  # at most ten, and no bill shows them
    )  # fmt: skip
    for each in two.list_resources():
        if each.type.startswith("aws:") and each.type.rsplit(":", 1)[-1] not in no_tags:
            wanted = {"project": "prediction-nodes", "stack": "dev"}
            if two.find_owner(each).name != CLUSTER:
                wanted |= {"node": two.find_owner(each).name, "team": "quants"}
            assert each.inputs["tags"].items() >= wanted.items(), each
            assert each.inputs["tags"].keys() - wanted.keys() <= {"Name"}, each


def test_everything_names_its_region(two: Program) -> None:
    for each in two.list_resources():
        if each.type.startswith("aws:") and not each.type.startswith("aws:iam/"):
            assert each.inputs["region"] == "us-east-1", each


def test_the_trigger_has_exactly_its_rights(two: Program) -> None:
    bucket = f"arn:aws:s3:::{CLUSTER}-1a2b3c4"
    batch = f"arn:aws:batch:us-east-1:{ACCOUNT}"
    assert statements(two.find(":RolePolicy", f"{CLUSTER}-trigger")) == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:LogGroup/{CLUSTER}-trigger-1a2b3c4:*"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": [f"{bucket}/claims/*"],
            "Condition": {"Null": {"s3:if-none-match": "false"}},
        },
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"{bucket}/claims/*"]},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [bucket],
            "Condition": {"StringLike": {"s3:prefix": ["claims/*", "table/*"]}},
        },
        {
            "Effect": "Allow",
            "Action": ["batch:SubmitJob"],
            "Resource": [f"{batch}:JobQueue/{CLUSTER}-1a2b3c4", f"{batch}:job-definition/prediction-nodes-dev__*"],
        },
        {"Effect": "Allow", "Action": ["batch:ListJobs"], "Resource": ["*"]},
    ]


def test_an_execution_role_pulls_the_stacks_images_and_reads_the_accounts_keys(two: Program) -> None:
    token, pull, logs, keys = statements(two.find(":RolePolicy", f"{CLUSTER}-run"))
    assert (token["Action"], token["Resource"]) == (["ecr:GetAuthorizationToken"], ["*"])
    assert pull["Resource"] == [f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/prediction-nodes-dev/*"]
    assert not [action for action in pull["Action"] if "Put" in action or "Upload" in action]
    assert logs["Resource"] == [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:LogGroup/{CLUSTER}-jobs-1a2b3c4:*"]
    assert keys["Action"] == ["secretsmanager:GetSecretValue"]
    assert keys["Resource"] == [two.find(":Secret", "numerai-keys-us-east-1").name.join(SECRET_ARN)]


SECRET_ARN = (f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:Secret/", "-1a2b3c4-AbCdEf")


def test_each_account_has_its_own_keys_and_role(program: Make) -> None:
    both = program(
        "defaults: {cloud: aws, source: m}\n"
        f"nodes: {{alpha: {{model: {ALPHA}}}, beta: {{model: {BETA}, account: fund}}}}"
    )
    for node, suffix in (("alpha", ""), ("beta", "-fund")):
        job = container(both.find(":JobDefinition", f"{node}@us-east-1"))
        arn = f"numerai-keys{suffix}-us-east-1".join(SECRET_ARN)
        assert [each["valueFrom"] for each in job["secrets"]] == [
            f"{arn}:NUMERAI_PUBLIC_ID::", f"{arn}:NUMERAI_SECRET_KEY::"
        ]  # fmt: skip
        assert job["executionRoleArn"].endswith(f"Role/{CLUSTER}-run{suffix}-1a2b3c4")
        *_, keys = statements(both.find(":RolePolicy", f"{CLUSTER}-run{suffix}"))
        assert keys["Resource"] == [arn]
        needed = both.find(":JobDefinition", f"{node}@us-east-1").depends_on
        assert both.find(":RolePolicy", f"{CLUSTER}-run{suffix}").urn in needed
        assert both.find(":SecretVersion", f"numerai-keys{suffix}-us-east-1").urn in needed
        (watched,) = statements(both.find(":RolePolicy", f"{CLUSTER}-watch{suffix}"))
        assert watched == {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [arn]}
    version = both.find(":SecretVersion", "numerai-keys-fund-us-east-1")
    assert json.loads(version.inputs["secretString"]).keys() == {"NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"}
    assert version.secrets == {"secretString"}
    assert len(both.list_owned(CLUSTER)) == 33 + 5


def test_the_builder_pushes_to_this_stack_only(two: Program) -> None:
    token, push, source, logs = statements(two.find(":RolePolicy", f"{CLUSTER}-build"))
    assert token["Action"] == ["ecr:GetAuthorizationToken"]
    assert push["Resource"] == [f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/prediction-nodes-dev/*"]
    assert (source["Action"], source["Resource"]) == (
        ["s3:GetObject"],
        [f"arn:aws:s3:::{CLUSTER}-1a2b3c4/source/*"],
    )
    assert logs["Resource"] == [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:LogGroup/{CLUSTER}-build-1a2b3c4:*"]


def test_the_scheduler_calls_the_trigger_only(two: Program) -> None:
    (call,) = statements(two.find(":RolePolicy", f"{CLUSTER}-schedules-call"))
    assert call["Action"] == ["lambda:InvokeFunction"]
    assert call["Resource"] == [f"arn:aws:lambda:us-east-1:{ACCOUNT}:Function/prediction-nodes-dev__trigger"]
    (trust,) = json.loads(two.find(":Role", f"{CLUSTER}-schedules").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {
            "aws:SourceArn": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:ScheduleGroup/{CLUSTER}-schedules-1a2b3c4"
        },
    }


def test_no_star_but_for_actions_that_know_no_resource(two: Program) -> None:
    for policy in two.list_resources(":RolePolicy"):
        for each in statements(policy):
            assert not [action for action in each["Action"] if "*" in action], policy.name
            alone = each["Action"] in (["ecr:GetAuthorizationToken"], ["batch:ListJobs"])
            assert "*" not in each["Resource"] or alone, policy.name


def test_each_role_trusts_one_service(two: Program) -> None:
    services = {
        role.name: json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]["Principal"]["Service"]
        for role in two.list_resources(":Role")
    }
    assert services == {
        f"{CLUSTER}-run": "ecs-tasks.amazonaws.com",
        f"{CLUSTER}-trigger": "lambda.amazonaws.com",
        f"{CLUSTER}-build": "codebuild.amazonaws.com",
        f"{CLUSTER}-schedules": "scheduler.amazonaws.com",
    }


def test_keys_are_references_and_nothing_secret_is_plain(two: Program) -> None:
    job = container(two.find(":JobDefinition", "alpha@us-east-1"))
    assert [each["name"] for each in job["secrets"]] == ["NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"]
    assert not [each for each in job["secrets"] if not each["valueFrom"].endswith(f"-AbCdEf:{each['name']}::")]
    assert "jobRoleArn" not in job
    for each in two.list_resources():
        for path, value in flat(each.inputs):
            if isinstance(value, str) and ("planted" in value or WEBHOOK_KEY in value or SECRET_KEY in value):
                assert any(path.startswith(secret) for secret in each.secrets), (each.type, path)


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in flat(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in flat(item, f"{path}[{index}]")]
    return [(path, value)]


def test_a_job_as_batch_wants_it(two: Program) -> None:
    alpha, beta = (
        container(two.find(":JobDefinition", "alpha@us-east-1")),
        container(two.find(":JobDefinition", "beta@us-east-1")),
    )
    assert alpha["resourceRequirements"] == [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "4096"}]
    assert beta["resourceRequirements"] == [{"type": "VCPU", "value": "16"}, {"type": "MEMORY", "value": "65536"}]
    assert alpha["networkConfiguration"] == {"assignPublicIp": "ENABLED"}
    assert "ephemeralStorage" not in alpha
    assert beta["ephemeralStorage"] == {"sizeInGiB": 50}
    assert beta["command"] == ["python", "predict.py"]
    assert "command" not in alpha
    assert {"name": "EXTRA", "value": "1"} in beta["environment"]
    assert re.fullmatch(rf"{ACCOUNT}\.dkr\.ecr\.us-east-1\.amazonaws\.com/prediction-nodes-dev/alpha@sha256:a{{64}}",
                        alpha["image"])  # fmt: skip


def test_batch_knows_every_key_of_the_container() -> None:
    """Batch silently drops unknown keys, so the names are checked against botocore's model of the service."""
    import botocore.session

    from providers.aws.node import write_container_properties

    shape = botocore.session.get_session().get_service_model("batch").shape_for("ContainerProperties")
    properties = json.loads(
        write_container_properties(patients.node(disk=30, command=("a",)), "i", "e", "l", "m", {"X": "y"})
    )
    assert unknown(shape, properties) == []


def unknown(shape: Any, value: Any, path: str = "") -> list[str]:
    if shape.type_name == "structure":
        found = [f"{path}.{key}" for key in value if key not in shape.members]
        return found + [
            one
            for key in value
            if key in shape.members
            for one in unknown(shape.members[key], value[key], f"{path}.{key}")
        ]
    if shape.type_name == "list":
        return [one for item in value for one in unknown(shape.member, item, path)]
    return []


def test_a_row_says_what_the_trigger_has_to_know(two: Program) -> None:
    alpha, beta = row(two, "alpha"), row(two, "beta")
    assert (alpha.model_id, alpha.node, beta.model_id, beta.node) == (ALPHA, "alpha", BETA, "beta")
    # The definition's name, which does not change with an image or size.
    assert alpha.job == two.find(":JobDefinition", "alpha@us-east-1").inputs["name"] == "prediction-nodes-dev__alpha"
    assert alpha.queue == f"{CLUSTER}-1a2b3c4"
    assert (alpha.enabled, beta.enabled, alpha.cron) == ("yes", "no", "")
    assert re.fullmatch("[0-9a-f]{64}", alpha.token_sha256)
    assert alpha.token_sha256 != beta.token_sha256
    assert (
        two.find(":JobDefinition", "alpha@us-east-1").urn in two.find(":BucketObjectv2", "alpha@us-east-1").depends_on
    )
    # S3 allows 1,024 bytes.
    assert len(two.find(":BucketObjectv2", "alpha@us-east-1").inputs["key"]) < 300


def test_the_function_knows_no_node(two: Program) -> None:
    function = two.find(":Function", CLUSTER)
    assert function.inputs["environment"]["variables"] == {"BUCKET": f"{CLUSTER}-1a2b3c4", "PACKAGE": ARCHIVE.digest()}
    assert function.inputs["name"] == "prediction-nodes-dev__trigger"
    assert function.inputs["loggingConfig"]["logGroup"] == f"{CLUSTER}-trigger-1a2b3c4"
    assert "reservedConcurrentExecutions" not in function.inputs
    assert two.find(":RolePolicy", f"{CLUSTER}-trigger").urn in function.depends_on
    assert not two.list_resources(":Permission")


def test_a_schedule_is_said_as_aws_says_it(two: Program, program: Make) -> None:
    schedule = two.find(":Schedule", "alpha").inputs
    assert schedule["scheduleExpression"] == "cron(0 13 ? * TUE,WED,THU,FRI,SAT *)"
    assert (schedule["scheduleExpressionTimezone"], schedule["state"]) == ("America/New_York", "ENABLED")
    assert json.loads(schedule["target"]["input"]) == {
        "source": "schedule", "model_id": ALPHA, "time": "<aws.scheduler.scheduled-time>"
    }  # fmt: skip
    needed = two.find(":Schedule", "alpha").depends_on
    assert {
        two.find(":BucketObjectv2", "alpha@us-east-1").urn,
        two.find(":RolePolicy", f"{CLUSTER}-schedules-call").urn,
    } <= needed
    off = program(f'nodes: {{alpha: {{model: {ALPHA}, cloud: aws, source: m, enabled: false, schedule: "0 1 * * *"}}}}')
    assert off.find(":Schedule", "alpha").inputs["state"] == "DISABLED"


def test_no_scheduler_without_a_schedule_and_the_watch(program: Make) -> None:
    plain = program(f"nodes: {{alpha: {{model: {ALPHA}, cloud: aws, source: m, watch: false}}}}")
    assert not plain.list_resources(":ScheduleGroup")
    assert len(plain.list_owned(CLUSTER)) == 28


def test_the_watch_is_called_every_five_minutes_and_not_again_if_a_call_fails(two: Program) -> None:
    schedule = two.find(":Schedule", f"{CLUSTER}-watch")
    assert schedule.inputs["scheduleExpression"] == "cron(0/5 * * * ? *)"
    assert json.loads(schedule.inputs["target"]["input"]) == {"source": "watch"}
    assert schedule.inputs["target"]["retryPolicy"] == {"maximumRetryAttempts": 0}
    assert two.find(":RolePolicy", f"{CLUSTER}-schedules-call").urn in schedule.depends_on


def test_the_environment_outlives_no_route(two: Program) -> None:
    needed = two.find(":ComputeEnvironment", CLUSTER).depends_on
    for kind in (":RouteTable", ":RouteTableAssociation", ":SecurityGroupEgressRule"):
        assert not [each for each in two.list_resources(kind) if each.urn not in needed], kind


def test_the_network_has_no_way_in(two: Program) -> None:
    assert "ingress" not in two.find(":SecurityGroup", CLUSTER).inputs
    assert not [each for each in two.list_resources() if "Nat" in each.type or "Ingress" in each.type]
    assert two.find(":ComputeEnvironment", CLUSTER).inputs["computeResources"]["type"] == "FARGATE"


def test_the_trigger_s_policy_changes_with_its_queues_by_being_replaced_last(program: Make) -> None:
    names = []
    for disks in (["50GiB"], ["300GiB"], ["50GiB", "300GiB"]):
        entries = [f"n{number}: {{model: {ALPHA[:-1]}{number}, disk: {disk}}}" for number, disk in enumerate(disks)]
        registered = program(f"defaults: {{cloud: aws, source: m}}\nnodes: {{{', '.join(entries)}}}")
        (name,) = (each.name for each in registered.list_resources(":RolePolicy") if "-trigger" in each.name)
        names.append(name)
    assert names == [f"{CLUSTER}-trigger", f"{CLUSTER}-trigger-ec2-512", f"{CLUSTER}-trigger-ec2-512-fargate"]


def test_a_large_disk_brings_machines_that_scale_to_zero(program: Make) -> None:
    large = program(
        "defaults: {cloud: aws, source: m}\n"
        f"nodes: {{alpha: {{model: {ALPHA}, disk: 300GiB}}, beta: {{model: {BETA}, disk: 500GiB}}}}"
    )
    (environment,) = large.list_resources(":ComputeEnvironment")
    resources = environment.inputs["computeResources"]
    assert (resources["type"], resources["minVcpus"]) == ("EC2", 0)
    assert "desiredVcpus" not in resources
    disk = large.find(":LaunchTemplate", f"{CLUSTER}-ec2-512").inputs["blockDeviceMappings"][0]["ebs"]
    assert disk["volumeSize"] == 542
    assert large.find(":RolePolicyAttachment", f"{CLUSTER}-ec2-512").urn in environment.depends_on
    job = large.find(":JobDefinition", "alpha@us-east-1")
    assert job.inputs["platformCapabilities"] == ["EC2"]
    assert not container(job).keys() & {"networkConfiguration", "fargatePlatformConfiguration", "ephemeralStorage"}
    assert row(large, "alpha").queue == f"{CLUSTER}-ec2-512-1a2b3c4"
    assert {each.name: found for each in large.list_resources() if (found := problems(each))} == {}


def test_a_node_that_leaves_does_not_shrink_the_machines_of_another(program: Make) -> None:
    def list_disks(alpha: str) -> dict[str, int]:
        text = f"nodes: {{alpha: {{model: {ALPHA}, {alpha}}}, beta: {{model: {BETA}, disk: 300GiB}}}}"
        templates = program(f"defaults: {{cloud: aws, source: m}}\n{text}").list_resources(":LaunchTemplate")
        return {each.name: each.inputs["blockDeviceMappings"][0]["ebs"]["volumeSize"] for each in templates}

    assert list_disks("disk: 900GiB") == {f"{CLUSTER}-ec2-1024": 1054, f"{CLUSTER}-ec2-512": 542}
    assert list_disks("size: gen-sm") == {f"{CLUSTER}-ec2-512": 542}


def test_two_regions_share_nothing(program: Make) -> None:
    both = program(
        "defaults: {cloud: aws, source: m}\n"
        f"nodes: {{alpha: {{model: {ALPHA}}}, beta: {{model: {BETA}, region: eu-west-1}}}}"
    )
    for kind in (":Vpc", ":Bucket", ":Secret", ":JobQueue", ":Project"):
        names = [each.name for each in both.list_resources(kind)]
        assert len(set(names)) == len(names) >= 2, kind
    assert {each.inputs["region"] for each in both.list_owned("beta") if "region" in each.inputs} == {"eu-west-1"}


def test_what_must_not_stay_can_go(two: Program) -> None:
    assert two.find(":Bucket", CLUSTER).inputs["forceDestroy"] is True
    for repository in two.list_resources(":Repository"):
        assert (repository.inputs["forceDelete"], repository.inputs["imageTagMutability"]) == (True, "IMMUTABLE")
    assert {each.inputs["recoveryWindowInDays"] for each in two.list_resources(":Secret")} == {0}
    assert not [each for each in two.list_resources(":LogGroup") if each.inputs["retentionInDays"] != 30]


LIMITS = {
    "Role": r"[\w+=,.@-]{1,64}", "Function": r"[\w-]{1,64}", "Bucket": r"[a-z0-9.-]{3,63}", "Schedule": r"[\w.-]{1,64}",
    "ScheduleGroup": r"[\w.-]{1,64}", "JobDefinition": r"[\w-]{1,128}", "JobQueue": r"[\w-]{1,128}",
    "ComputeEnvironment": r"[\w-]{1,128}", "Repository": r"[a-z0-9._/-]{2,256}", "LogGroup": r"[\w./#-]{1,512}",
    "Secret": r"[\w/+=.@-]{1,512}", "BucketObjectv2": r"[\w/.-]{1,1024}",
    "Project": r"[A-Za-z0-9][\w-]{1,149}", "SecurityGroup": r"(?!sg-).{1,255}",
}  # fmt: skip


def test_names_fit_for_the_longest_node_project_and_stack(program: Make) -> None:
    longest = program(
        "defaults: {cloud: aws, source: m, region: ap-southeast-2}\n"
        f'nodes: {{{"a" * 20}: {{model: {ALPHA}, schedule: "0 1 * * *"}}}}',
        project="p" * 30,
        stack_name="s" * 24,
    )
    seen = set()
    for each in longest.list_resources():
        kind = each.type.rsplit(":", 1)[-1]
        if kind in LIMITS:
            seen.add(kind)
            assert re.fullmatch(
                LIMITS[kind], each.inputs.get("key") or each.inputs.get("name", f"{each.name}-1a2b3c4")
            ), (kind, each.name)
    assert seen == set(LIMITS)


def test_roles_lie_under_a_path_of_the_stack(program: Make) -> None:
    made = program(TWO.replace("disk: 50GiB", "disk: 300GiB"))
    named = [*made.list_resources(":Role"), *made.list_resources(":InstanceProfile")]
    assert len(named) == 6
    assert {each.inputs["path"] for each in named} == {"/prediction-nodes-dev/"}


def test_only_what_aws_fails_is_tried_again(two: Program) -> None:
    strategy = two.find(":JobDefinition", "alpha@us-east-1").inputs["retryStrategy"]
    assert strategy["attempts"] == 3
    rules = strategy["evaluateOnExits"]
    assert [rule["action"] for rule in rules] == ["retry", "exit", "exit"], "AWS takes the first rule that matches"
    for rule in rules:
        # What Batch accepts in a pattern (its API's EvaluateOnExit).
        assert re.fullmatch(r"[0-9A-Za-z.:\s]*\*?", rule.get("onStatusReason", "")), rule
        assert re.fullmatch(r"[0-9]*\*?", rule.get("onExitCode", "")), rule
