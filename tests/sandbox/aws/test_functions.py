"""Functions, their URLs and schedules: the archive runs with its role, and only for permitted callers."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from sandbox.aws import functions, iam, schedules
from sandbox.cloud import CloudError, Resource
from tests.sandbox.aws.cloud import Aws

CODE = b"""\
import json, os, boto3
def handler(event, context):
    if event.get("source"):
        print(json.dumps({"time": event["time"]}))
        return None
    if event["rawPath"] == "/raise":
        raise ValueError("broken")
    who = boto3.client("sts").get_caller_identity()["Arn"] if event["rawPath"] == "/who" else ""
    seen = {"path": event["rawPath"], "query": event["rawQueryString"], "body": event.get("body"), "who": who,
            "method": event["requestContext"]["http"]["method"], "secret": sorted(k for k in os.environ if "CI" in k)}
    return {"statusCode": 202, "headers": {"content-type": "application/json"}, "body": json.dumps(seen)}
"""
NOTHING = json.dumps({"Statement": []})


class World:
    """A function that has a public URL."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.logs = aws.group("trigger")
        actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
        allow = {"Effect": "Allow", "Action": actions, "Resource": f"{self.logs['arn']}:*"}
        self.role = aws.role("trigger", "lambda.amazonaws.com", json.dumps({"Statement": [allow]}))
        self.function = aws.make(functions.FUNCTION, "alpha", **self.inputs())
        self.url = aws.make(functions.URL, "alpha", functionName=self.function["name"], authorizationType="NONE")

    def inputs(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": "p-dev-alpha",
            "role": self.role["arn"],
            "runtime": "python3.13",
            "handler": "index.handler",
            "code": {"index.py": CODE},
            "environment": {"variables": {"NODE_NAME": "alpha"}},
            "loggingConfig": {"logFormat": "JSON", "logGroup": self.logs.id},
            **changes,
        }

    def call(self, path: str = "/", method: str = "POST", **more: Any) -> httpx.Response:
        trust = ssl.create_default_context(cafile=str(self.aws.network.ca_file))
        with httpx.Client(proxy=self.aws.network.proxy("numerai"), verify=trust, trust_env=False, timeout=60) as client:
            return client.request(method, self.url["functionUrl"].rstrip("/") + path, **more)


@pytest.fixture
def world(aws: Aws) -> World:
    return World(aws)


def test_a_request_reaches_the_archive_and_its_answer_comes_back(world: World) -> None:
    answer = world.call("/pred/x?token=a%20b", json={"a": 1})
    assert answer.status_code == 202, answer.text
    assert answer.headers["content-type"] == "application/json"
    event = answer.json()
    assert (event["path"], event["method"], json.loads(event["body"])) == ("/pred/x", "POST", {"a": 1})
    assert event["query"] in ("token=a%20b", "token=a+b")


def test_the_process_has_a_session_of_its_own_role(world: World) -> None:
    assert f":assumed-role/{world.role.id}/p-dev-alpha" in world.call("/who").json()["who"]


def test_an_exception_is_a_502_without_its_text(world: World) -> None:
    answer = world.call("/raise")
    assert answer.status_code == 502, answer.text
    assert "broken" not in answer.text


def test_the_url_needs_both_statements(world: World) -> None:
    store = world.aws.cloud.kernel.store
    recorded = store.get("aws:function-policies", world.function.id)
    assert recorded == {"statements": ["FunctionURLAllowPublicAccess", "FunctionURLAllowInvokeAction"]}
    store.put("aws:function-policies", world.function.id, {"statements": recorded["statements"][:1]})
    assert world.call().status_code == 403


def test_a_url_that_is_private_or_gone(world: World) -> None:
    world.aws.change(world.url, authorizationType="AWS_IAM")
    assert world.call().status_code == 403
    world.aws.remove(world.url)
    assert world.call().status_code == 404


def test_some_regions_have_no_urls(aws: Aws) -> None:
    role = aws.role("trigger", "lambda.amazonaws.com", NOTHING)
    there = {"region": "eu-central-2"}
    inputs = {"runtime": "python3.13", "handler": "index.handler", "code": {"index.py": CODE}}
    function = aws.make(functions.FUNCTION, "alpha", name="p-dev-alpha", role=role["arn"], **inputs, **there)
    with pytest.raises(CloudError, match="no function URLs in eu-central-2"):
        aws.make(functions.URL, "alpha", functionName=function["name"], authorizationType="NONE", **there)


def test_new_code_and_variables_keep_the_url(world: World) -> None:
    before = world.url["functionUrl"]
    code = CODE.replace(b"202", b"201")
    world.aws.change(world.function, code={"index.py": code})
    answer = world.call()
    assert answer.status_code == 201, answer.text
    assert world.url["functionUrl"] == before


def test_invoking_takes_the_right_to(world: World) -> None:
    event = json.dumps({"source": "x", "time": "now"})
    invoked = world.aws.client("lambda").invoke(FunctionName=world.function["name"], Payload=event)
    assert invoked["Payload"].read() == b"null"
    with pytest.raises(ClientError, match="not authorized"):
        world.aws.client("lambda", world.role).invoke(FunctionName=world.function["name"], Payload=event)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"runtime": "python3.8"}, "not supported"),
        ({"environment": {"variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"environment": {"variables": {"A": "x" * 4096}}}, "4KB"),
        ({"timeout": 901}, "out of range"),
        ({"reservedConcurrentExecutions": 1}, "below its minimum"),
        ({"loggingConfig": {"logGroup": "none"}}, "does not exist"),
        ({"name": "with.dot"}, "cannot name"),
        ({"name": "a" * 65}, "cannot name"),
        ({"name": "p-dev-alpha"}, "already exists"),
    ],
)
def test_functions_that_lambda_refuses(world: World, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CloudError, match=sentence):
        world.aws.make(functions.FUNCTION, "beta", **(world.inputs(name="p-dev-beta") | changes))


def test_a_role_that_does_not_trust_lambda(world: World) -> None:
    other = world.aws.role("other", "ecs-tasks.amazonaws.com", NOTHING)
    with pytest.raises(CloudError, match="cannot be assumed"):
        world.aws.make(functions.FUNCTION, "beta", **world.inputs(name="p-dev-beta", role=other["arn"]))


class Scheduled(World):
    """The function and a schedule that calls it."""

    def __init__(self, aws: Aws) -> None:
        super().__init__(aws)
        self.group = aws.make(schedules.GROUP, "group")
        condition = {
            "StringEquals": {"aws:SourceAccount": aws.cloud.account},
            "ArnLike": {"aws:SourceArn": self.group["arn"]},
        }
        allow = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": self.function["arn"]}
        policy = json.dumps({"Statement": [allow]})
        self.caller = aws.role("scheduler", "scheduler.amazonaws.com", policy, condition)
        self.schedule = aws.make(schedules.SCHEDULE, "alpha", **self.scheduled())

    def scheduled(self, **changes: Any) -> dict[str, Any]:
        return {
            "groupName": self.group.id,
            "scheduleExpression": "cron(30 14 ? * TUE-SAT *)",
            "scheduleExpressionTimezone": "Europe/Berlin",
            "state": "ENABLED",
            "flexibleTimeWindow": {"mode": "OFF"},
            "target": {
                "arn": self.function["arn"],
                "roleArn": self.caller["arn"],
                "input": '{"source": "schedule", "time": "<aws.scheduler.scheduled-time>"}',
            },
            **changes,
        }

    def fired(self) -> list[dict[str, object]]:
        return self.aws.cloud.kernel.functions.log_lines(functions.key(self.function.id))


@pytest.fixture
def scheduled(aws: Aws) -> Scheduled:
    return Scheduled(aws)


def test_a_schedule_fires_in_its_own_time_zone(scheduled: Scheduled) -> None:
    clock = scheduled.aws.cloud.clock
    clock.tick(datetime(2026, 7, 1, 14, 30, tzinfo=UTC))
    clock.tick(datetime(2026, 6, 29, 12, 30, tzinfo=UTC))  # a Monday
    assert scheduled.fired() == []
    clock.tick(datetime(2026, 7, 1, 12, 30, tzinfo=UTC))  # summer
    clock.tick(datetime(2026, 12, 2, 13, 30, tzinfo=UTC))  # winter
    assert scheduled.fired() == [{"time": "2026-07-01T12:30:00Z"}, {"time": "2026-12-02T13:30:00Z"}]


def test_a_function_whose_role_may_not_write_logs_leaves_none(scheduled: Scheduled) -> None:
    scheduled.aws.change(scheduled.aws.policy(scheduled.role), policy=NOTHING)
    scheduled.aws.cloud.clock.tick(datetime(2026, 7, 1, 12, 30, tzinfo=UTC))
    assert scheduled.fired() == []


def test_a_disabled_schedule_does_not_fire(scheduled: Scheduled) -> None:
    scheduled.aws.change(scheduled.schedule, state="DISABLED")
    scheduled.aws.cloud.clock.tick(datetime(2026, 7, 1, 12, 30, tzinfo=UTC))
    assert scheduled.fired() == []


def test_a_schedule_calls_with_the_rights_of_its_role(scheduled: Scheduled) -> None:
    aws, now = scheduled.aws, datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    assert aws.cloud.clock.fire(scheduled.schedule, now) == ""
    aws.change(aws.policy(scheduled.caller), policy=NOTHING)
    assert "may not call" in aws.cloud.clock.fire(scheduled.schedule, now)
    assert len(scheduled.fired()) == 1


@pytest.mark.parametrize(
    "expression",
    [
        "0 1 * * *",
        "cron(0 1 * * *)",
        "cron(0 1 * * * *)",
        "cron(0 1 ? * ? *)",
        "cron(61 1 * * ? *)",
        "cron(a 1 * * ? *)",
    ],
)
def test_expressions_that_the_service_refuses(scheduled: Scheduled, expression: str) -> None:
    with pytest.raises(CloudError, match="Invalid Schedule Expression"):
        scheduled.aws.make(schedules.SCHEDULE, "beta", **scheduled.scheduled(scheduleExpression=expression))


def test_a_schedule_needs_zone_group_and_a_role_that_trusts_it(scheduled: Scheduled) -> None:
    aws = scheduled.aws
    with pytest.raises(CloudError, match="Timezone"):
        aws.make(schedules.SCHEDULE, "b", **scheduled.scheduled(scheduleExpressionTimezone="Mars/Olympus"))
    other: Resource = aws.make(schedules.GROUP, "other")
    with pytest.raises(CloudError, match="cannot be assumed"):
        aws.make(schedules.SCHEDULE, "b", **scheduled.scheduled(groupName=other.id))
    assert aws.cloud.find(iam.ROLE, arn=scheduled.caller["arn"]) is not None
