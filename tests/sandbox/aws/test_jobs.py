"""Submitting a Batch job with boto3: permissions, overrides, pulling the image and reading the keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from providers.aws import roles
from providers.aws.node import build_retry_strategy
from sandbox.aws import batch, iam, network
from sandbox.cloud import CloudError, Resource
from sandbox.executor import JobRun
from sandbox.faults import Fault
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
    known = {"queue": world.queue["arn"], "definition": world.definitions("p-dev")} | {missing: "arn:other"}
    world.aws.change(
        world.aws.policy(world.trigger),
        policy=roles.build_trigger_policy("l", "b", known["definition"], [known["queue"]]),
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


def test_a_start_needs_a_definition_of_the_own_stack(world: World) -> None:
    for name in ("p-dev2__alpha", "p-dev-alpha", "p-de__alpha"):
        other = world.aws.make(batch.DEFINITION, "other", **world.inputs() | {"name": name})
        with pytest.raises(ClientError, match="not authorized"):
            world.submit(jobDefinition=other["name"])


def test_jobs_are_listed_by_the_beginning_of_their_name_whatever_its_case(world: World) -> None:
    first, second = world.submit(jobName="RUN-1"), world.submit(jobName="run-12")
    client = world.aws.client("batch", world.trigger)

    def list_jobs(*names: str, name: str = "JOB_NAME") -> set[str]:
        filters = [{"name": name, "values": list(names)}]
        return {job["jobId"] for job in client.list_jobs(jobQueue=world.queue.id, filters=filters)["jobSummaryList"]}

    assert list_jobs("run-1*") == {first, second}
    assert list_jobs("run-1") == {first}
    assert list_jobs("run-2*") == set()
    with pytest.raises(ClientError, match="by one of"):
        list_jobs("1", name="AFTER_CREATED_AT")


def test_the_trigger_may_neither_describe_nor_end_jobs(world: World) -> None:
    job = world.submit()
    client, deployer = world.aws.client("batch", world.trigger), world.aws.client("batch")
    calls: tuple[Callable[[], Any], ...] = (
        lambda: client.describe_jobs(jobs=[job]),
        lambda: client.terminate_job(jobId=job, reason="x"),
    )
    for refused in calls:
        with pytest.raises(ClientError, match="not authorized"):
            refused()
    world.aws.cloud.kernel.executor.wait(job, 60)
    (described,) = deployer.describe_jobs(jobs=[job])["jobs"]
    assert (described["status"], described["jobName"]) == ("SUCCEEDED", "run-1")
    named = [{"name": "JOB_DEFINITION", "values": [world.definition["name"]]}]
    assert [
        entry["jobId"] for entry in deployer.list_jobs(jobQueue=world.queue.id, filters=named)["jobSummaryList"]
    ] == [job]
    stream = described["container"]["logStreamName"]
    events = world.aws.client("logs").get_log_events(logGroupName=world.logs.id, logStreamName=stream)["events"]
    assert '"A": "1"' in events[0]["message"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"repositories": "arn:other"}, "CannotPullContainerError"),
        ({"secret": "arn:other"}, "GetSecretValue"),
        ({"log_group": "arn:other"}, "failed to validate logger args"),
    ],
)
def test_what_the_execution_role_may_not_do_fails_the_job(world: World, change: dict[str, Any], reason: str) -> None:
    known = {
        "repositories": world.repository["arn"],
        "log_group": world.logs["arn"],
        "secret": world.secret["arn"],
    }
    names = known | change
    allowed = roles.build_execution_policy(names["repositories"], names["log_group"], names["secret"])
    world.aws.change(world.aws.policy(world.execution), policy=allowed)
    run = world.run()
    assert run.state == "FAILED"
    assert reason in run.reason


def test_without_an_address_nothing_can_be_pulled(world: World) -> None:
    world.aws.change(world.definition, **world.inputs(networkConfiguration={"assignPublicIp": "DISABLED"}))
    assert "no route" in world.run().reason


def test_without_a_route_nothing_can_be_pulled(world: World) -> None:
    (table,) = world.aws.cloud.resources(network.TABLE)
    (route,) = world.aws.cloud.resources(network.ROUTE)
    (gateway,) = world.aws.cloud.resources(network.GATEWAY)
    world.aws.remove(route)
    assert "no route" in world.run().reason
    world.aws.change(table, routes=[{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}])
    assert world.run().state == "SUCCEEDED"


def test_a_key_of_a_secret_in_json(world: World) -> None:
    (version,) = world.aws.cloud.resources("aws:secretsmanager/secretVersion:SecretVersion")
    world.aws.change(version, secretString=json.dumps({"ONE": "1"}))
    for tail, expected in (("ONE::", "1"), ("TWO::", "did not contain json key TWO"), ("ONE:AWSPREVIOUS:", "current")):
        secrets = [{"name": "KEY", "valueFrom": f"{world.secret['arn']}:{tail}"}]
        world.aws.change(world.definition, **world.inputs(secrets=secrets))
        run = world.run()
        if run.state == "SUCCEEDED":
            assert world.printed(run)["KEY"] == expected
        else:
            assert expected in run.reason


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
        world.aws.make(batch.DEFINITION, "beta", **world.inputs(**container) | {"name": "p-dev__beta"})


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


PULL = "CannotPullContainerError: pull image manifest has been retried 5 time(s): toomanyrequests"
LOST = "Host EC2 (instance i-0a1b2c3d) terminated."
KEYS = "ResourceInitializationError: unable to pull secrets or registry auth: request timed out"
NETWORK = "Timeout waiting for network interface provisioning to complete."
CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


def retried(world: World, *reasons: str, script: str = "") -> JobRun:
    """Run a job with the product's strategy, whose first attempts AWS fails for these reasons."""
    if script:
        world.script = script
        world.container["image"] = world._image()
    strategy: Any = build_retry_strategy()
    names = {"action": "action", "onStatusReason": "on_status_reason", "onExitCode": "on_exit_code"}
    rules = [
        {key: getattr(rule, name) for key, name in names.items() if getattr(rule, name, None)}
        for rule in strategy.evaluate_on_exits
    ]
    wanted = {"attempts": strategy.attempts, "evaluateOnExits": rules}
    world.definition = world.aws.change(world.definition, **world.inputs(), retryStrategy=wanted)
    for reason in reasons:
        world.aws.cloud.faults.order(Fault("p-dev__alpha", "START", reason=reason))
    variables = [{"name": "B", "value": "2"}]
    return world.run(containerOverrides={"environment": variables})


@pytest.mark.parametrize("reason", [PULL, LOST, KEYS, NETWORK, CAPACITY])
def test_an_attempt_that_aws_fails_is_repeated_with_the_same_variables(world: World, reason: str) -> None:
    run = retried(world, reason, reason)
    assert world.printed(run)["B"] == "2"
    assert [attempt["reason"] for attempt in run.attempts] == [reason, reason]
    assert len(world.aws.cloud.kernel.executor.runs("aws")) == 1
    (described,) = world.aws.client("batch").describe_jobs(jobs=[run.run_id])["jobs"]
    assert [attempt["statusReason"] for attempt in described["attempts"]] == [reason, reason]


def test_aws_fails_a_job_three_times_at_most(world: World) -> None:
    run = retried(world, PULL, PULL, PULL)
    assert (run.state, run.reason, len(run.attempts)) == ("FAILED", PULL, 2)


@pytest.mark.parametrize("script", ["raise SystemExit(1)", "import os; os._exit(137)", "import os; os.abort()"])
def test_the_model_s_own_end_is_not_repeated(world: World, script: str) -> None:
    run = retried(world, script=script)
    assert (run.state, run.attempts) == ("FAILED", [])
    assert run.exit_code


def test_a_job_without_capacity_whose_model_then_fails_is_not_repeated(world: World) -> None:
    run = retried(world, CAPACITY, script="raise SystemExit(1)")
    assert (run.state, len(run.attempts), run.exit_code) == ("FAILED", 1, 1)


def test_a_job_that_takes_too_long_or_is_stopped_is_not_repeated(world: World) -> None:
    forever = "import threading; threading.Event().wait()"
    world.script = forever
    world.container["image"] = world._image()
    strategy = {"attempts": 3, "evaluateOnExits": []}
    limit = world.inputs() | {"timeout": {"attemptDurationSeconds": 1}}
    world.definition = world.aws.change(world.definition, **limit, retryStrategy=strategy)
    assert (world.run().state, world.run().attempts) == ("FAILED", [])
    world.definition = world.aws.change(world.definition, **world.inputs(), retryStrategy=strategy)
    job, executor = world.submit(), world.aws.cloud.kernel.executor
    world.aws.client("batch").terminate_job(jobId=job, reason="stopped by hand")
    assert (executor.wait(job, 60).reason, executor.wait(job, 60).attempts) == ("stopped by hand", [])
