"""Submitting a Batch job by boto3: who may, what is merged, whose rights pull the image and read the keys."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from providers.aws import roles
from sandbox.aws import batch, iam, network, secretsmanager
from sandbox.cloud import CloudError, Resource
from sandbox.executor import Run
from tests.sandbox.aws.conftest import Aws

SHOW = "import json, os\nprint(json.dumps({k: os.environ.get(k) for k in ('A', 'B', 'KEY', 'AWS_ACCESS_KEY_ID')}))\n"


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as bundle:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            bundle.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


class World:
    """A queue, a definition with a secret by reference and a real (process) image, a trigger's role."""

    def __init__(self, aws: Aws, script: str = SHOW) -> None:
        self.aws, self.script = aws, script
        self.subnet = aws.subnet()
        self.group = aws.make(network.GROUP, "jobs", vpcId=self.subnet["vpcId"])
        self.environment = aws.make(
            batch.ENVIRONMENT,
            "env",
            type="MANAGED",
            computeResources={
                "type": "FARGATE",
                "maxVcpus": 16,
                "subnets": [self.subnet.id],
                "securityGroupIds": [self.group.id],
            },
        )
        order = {"order": 1, "computeEnvironment": self.environment["arn"]}
        self.queue = aws.make(batch.QUEUE, "queue", state="ENABLED", priority=1, computeEnvironmentOrders=[order])
        self.secret = aws.make(secretsmanager.SECRET, "key", recoveryWindowInDays=0)
        aws.make(secretsmanager.VERSION, "key", secretId=self.secret.id, secretString="planted")
        self.repository, self.logs = aws.repository(), aws.group("jobs")
        policy = roles.execution(self.repository["arn"], self.logs["arn"], "alpha", [self.secret["arn"]])
        self.execution = aws.role("run", "ecs-tasks.amazonaws.com", policy)
        self.container: dict[str, Any] = {
            "image": self._image(),
            "executionRoleArn": self.execution["arn"],
            "resourceRequirements": [{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}],
            "environment": [{"name": "A", "value": "1"}],
            "secrets": [{"name": "KEY", "valueFrom": self.secret["arn"]}],
            "networkConfiguration": {"assignPublicIp": "ENABLED"},
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": self.logs.id, "awslogs-stream-prefix": "alpha"},
            },
        }
        self.definition = aws.make(batch.DEFINITION, "alpha", **self.inputs())
        start = roles.trigger("arn:l", "arn:b", "alpha", self.queue["arn"], self.definition["arnPrefix"])
        self.trigger = aws.role("trigger", "lambda.amazonaws.com", start)

    def inputs(self, **container: Any) -> dict[str, Any]:
        return {
            "type": "container",
            "platformCapabilities": ["FARGATE"],
            "timeout": {"attemptDurationSeconds": 60},
            "containerProperties": json.dumps(self.container | container),
        }

    def _image(self) -> str:
        files = {"Dockerfile": 'FROM python\nCOPY . .\nCMD ["python", "show.py"]\n', "show.py": self.script}
        url = self.repository["repositoryUrl"]
        images = self.aws.cloud.kernel.images
        return f"{url}@{images.build(url, archive(files), 'Dockerfile', {}, ['t'], lambda _: None)}"

    def submit(self, **changes: Any) -> str:
        wanted = {"jobName": "run-1", "jobQueue": self.queue["arn"], "jobDefinition": self.definition.id, **changes}
        return str(self.aws.client("batch", self.trigger).submit_job(**wanted)["jobId"])

    def run(self, **changes: Any) -> Run:
        return self.aws.cloud.kernel.executor.wait(self.submit(**changes), 60)

    def printed(self, run: Run) -> dict[str, Any]:
        assert run.state == "SUCCEEDED", (run.reason, self.aws.cloud.kernel.executor.logs(run.run_id))
        return dict(json.loads(self.aws.cloud.kernel.executor.logs(run.run_id)))


@pytest.fixture
def world(aws: Aws) -> World:
    return World(aws)


def test_variables_are_added_keys_resolved_and_the_container_has_no_credentials(world: World) -> None:
    seen = world.printed(world.run(containerOverrides={"environment": [{"name": "B", "value": "2"}]}))
    assert seen == {"A": "1", "B": "2", "KEY": "planted", "AWS_ACCESS_KEY_ID": None}


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
    assert handler.recomputed(before, before | {"tags": {"a": "b"}}) == {"tagsAll"}
    assert handler.recomputed(before, before | {"timeout": {}}) == {"arn", "revision"}


@pytest.mark.parametrize("missing", ["queue", "definition"])
def test_a_start_needs_the_right_on_queue_and_definition(world: World, missing: str) -> None:
    known = {"queue": world.queue["arn"], "definition": world.definition["arnPrefix"]} | {missing: "arn:other"}
    world.aws.change(
        world.aws.policy(world.trigger), policy=roles.trigger("l", "b", "alpha", known["queue"], known["definition"])
    )
    with pytest.raises(ClientError) as error:
        world.submit()
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    assert world.aws.cloud.kernel.executor.runs() == []


@pytest.mark.parametrize("form", ["", ":*"])
def test_a_start_by_name_needs_the_definition_with_and_without_revision(world: World, form: str) -> None:
    allowed = [world.queue["arn"], f"{world.definition['arnPrefix']}{form}"]
    document = roles.document(roles.allow(["batch:SubmitJob"], allowed))
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
    assert [each["jobId"] for each in deployer.list_jobs(jobQueue=world.queue.id, filters=named)["jobSummaryList"]] == [
        job
    ]
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
    world.aws.change(world.aws.policy(world.execution), policy=roles.execution(**(known | change)))
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
