"""Submitting a Batch job with boto3: permissions, overrides, pulling the image and reading the keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from providers.aws import roles
from sandbox.aws import batch, iam, network
from sandbox.cloud import CloudError, Resource
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.aws.job import World


@pytest.fixture
def world(aws: Aws) -> World:
    return World(aws)


def test_variables_are_added_keys_resolved_and_the_container_has_no_credentials(world: World) -> None:
    printed = world.printed(world.run(containerOverrides={"environment": [{"name": "B", "value": "2"}]}))
    assert printed == {"A": "1", "B": "2", "KEY": "planted", "AWS_ACCESS_KEY_ID": None}


def test_a_name_stands_for_the_newest_revision(world: World) -> None:
    old = world.definition
    new = world.aws.change(old, **world.inputs(environment=[{"name": "A", "value": "new"}]))
    assert (old["revision"], new["revision"], new["arnPrefix"]) == (1, 2, old["arnPrefix"])
    assert world.printed(world.run())["A"] == "new"
    with pytest.raises(ClientError, match="is not ACTIVE"):
        world.submit(jobDefinition=old["arn"])


def test_tags_alone_make_no_revision(world: World) -> None:
    assert world.aws.change(world.definition, tags={"a": "b"})["revision"] == 1
    handler = world.aws.cloud.handlers[batch.DEFINITION]
    before = world.definition.inputs
    assert handler.unknown_outputs(before, before | {"tags": {"a": "b"}}) == {"tagsAll"}
    assert handler.unknown_outputs(before, before | {"timeout": {}}) == {"arn", "revision"}


@pytest.mark.parametrize("missing", ["queue", "definition"])
def test_a_start_needs_the_right_on_queue_and_definition(world: World, missing: str) -> None:
    known = {"queue": world.queue["arn"], "definition": world.definition["arnPrefix"]} | {missing: "arn:other"}
    world.aws.change(
        world.aws.policy(world.trigger),
        policy=roles.build_trigger_policy("l", "b", "alpha", known["queue"], known["definition"]),
    )
    with pytest.raises(ClientError) as error:
        world.submit()
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    assert world.aws.cloud.kernel.executor.runs() == []


@pytest.mark.parametrize("form", ["", ":*"])
def test_a_start_by_name_needs_the_definition_with_and_without_revision(world: World, form: str) -> None:
    allowed = [world.queue["arn"], f"{world.definition['arnPrefix']}{form}"]
    document = roles.write_policy(roles.allow(["batch:SubmitJob"], allowed))
    world.aws.change(world.aws.policy(world.trigger), policy=document)
    with pytest.raises(ClientError, match="not authorized"):
        world.submit()


def test_the_trigger_may_neither_see_nor_end_jobs(world: World) -> None:
    job = world.submit()
    client, deployer = world.aws.client("batch", world.trigger), world.aws.client("batch")
    calls: tuple[Callable[[], Any], ...] = (
        lambda: client.describe_jobs(jobs=[job]),
        lambda: client.terminate_job(jobId=job, reason="x"),
        lambda: client.list_jobs(jobQueue=world.queue.id),
    )
    for refused in calls:
        with pytest.raises(ClientError, match="not authorized"):
            refused()
    world.aws.cloud.kernel.executor.wait(job, 60)
    (described,) = deployer.describe_jobs(jobs=[job])["jobs"]
    assert (described["status"], described["jobName"]) == ("SUCCEEDED", "run-1")
    named = [{"name": "JOB_DEFINITION", "values": [world.definition.id]}]
    assert [
        entry["jobId"] for entry in deployer.list_jobs(jobQueue=world.queue.id, filters=named)["jobSummaryList"]
    ] == [job]
    stream = described["container"]["logStreamName"]
    events = world.aws.client("logs").get_log_events(logGroupName=world.logs.id, logStreamName=stream)["events"]
    assert '"A": "1"' in events[0]["message"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repository": "arn:other"}, "CannotPullContainerError"),
        ({"secrets": ["arn:other"]}, "GetSecretValue"),
        ({"node": "beta"}, "failed to validate logger args"),
    ],
)
def test_what_the_execution_role_may_not_do_fails_the_job(world: World, change: dict[str, Any], reason: str) -> None:
    known = {
        "repository": world.repository["arn"],
        "log_group": world.logs["arn"],
        "node": "alpha",
        "secrets": [world.secret["arn"]],
    }
    world.aws.change(world.aws.policy(world.execution), policy=roles.build_execution_policy(**(known | change)))
    run = world.run()
    assert run.state == "FAILED"
    assert reason in run.reason


def test_without_an_address_nothing_can_be_pulled(world: World) -> None:
    world.aws.change(world.definition, **world.inputs(networkConfiguration={"assignPublicIp": "DISABLED"}))
    assert "no route" in world.run().reason


@pytest.mark.parametrize(
    ("container", "sentence"),
    [
        ({"resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}]}, "not valid"),
        ({"executionRoleArn": ""}, "executionRoleArn"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "between 21 and 200"),
        ({"imagee": "x"}, "would drop imagee"),
        ({"environment": [{"name": "A", "value": ""}]}, "empty value"),
    ],
)
def test_definitions_that_batch_refuses_or_would_cut(world: World, container: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CloudError, match=sentence):
        world.aws.make(batch.DEFINITION, "beta", **world.inputs(**container))


def test_numbers_in_requirements_are_refused_at_plan(world: World) -> None:
    numbers = world.inputs(resourceRequirements=[{"type": "VCPU", "value": 1}])
    assert list(world.aws.cloud.handlers[batch.DEFINITION].check(numbers))


def test_what_is_in_use_stays(world: World) -> None:
    with pytest.raises(CloudError, match="JobQueue relationship"):
        world.aws.remove(world.environment)
    for used in (world.subnet, world.group):
        with pytest.raises(CloudError, match="DependencyViolation"):
            world.aws.remove(used)


def test_an_environment_without_routes_cannot_drain(world: World) -> None:
    world.aws.remove(world.queue)
    (join,) = world.aws.cloud.resources(network.ASSOCIATION)
    world.aws.remove(join)
    with pytest.raises(CloudError, match="stuck in DELETING"):
        world.aws.remove(world.environment)


def test_a_role_for_another_service_runs_no_job(world: World) -> None:
    trusted = json.loads(world.execution["assumeRolePolicy"])
    trusted["Statement"][0]["Principal"]["Service"] = "lambda.amazonaws.com"
    role: Resource = world.aws.change(world.execution, assumeRolePolicy=json.dumps(trusted))
    assert role.type == iam.ROLE
    assert "unable to assume" in world.run().reason
