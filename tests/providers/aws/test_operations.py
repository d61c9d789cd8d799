"""The jobs and logs of a node on AWS, read with boto3 from the sandbox's Batch and CloudWatch."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from providers.aws.operations import Account, AwsNode
from providers.operations import NoCredentials, NodeFacts, NodeOperations, OperationsError, State
from sandbox.aws import functions
from tests.providers.scripts import FAIL, SLEEP, SPEAK
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.aws.job import World

LINE = '{"node":"alpha","method":"POST","run":"t-1","route":"pred","http":202,"status":"started","ms":3}'
# What else is in the group: lines of other nodes and of the platform, the tracebacks of failed calls.
OTHERS = (
    LINE.replace("alpha", "beta"),
    LINE.replace("alpha", "alpha-2"),
    '{"time":"t","type":"platform.report","record":{"status":"timeout"}}',
    '{"level":"ERROR","message":"it broke","timestamp":"t"}',
    "plain, but with alpha",
)
TRIGGER = f"def handler(event, context):\n    print(*{(LINE, *OTHERS)!r}, sep='\\n', flush=True)\n"


class Node:
    """A node whose container runs a script, and its operations with the deploying identity."""

    def __init__(self, aws: Aws, script: str) -> None:
        self.world = World(aws, script)
        self.logs = aws.group("trigger")
        self.facts = NodeFacts(
            name="alpha",
            cloud="aws",
            region="us-east-1",
            job=self.world.definition["arnPrefix"],
            names={"queue": self.world.queue["arn"], "logs": self.world.logs.id, "trigger_logs": self.logs.id},
        )

    def start(self, **env: str) -> str:
        overrides = {"environment": [{"name": name, "value": value} for name, value in env.items()]}
        return self.world.submit(containerOverrides=overrides)

    def ended(self, job: str) -> None:
        self.world.aws.cloud.kernel.executor.wait(job, 60)


def operations(node: Node, configured: dict[str, str] | None = None) -> NodeOperations:
    return Account((configured or {}).get, "us-east-1").node(node.facts)


@pytest.fixture(autouse=True)
def _deployer(deployer: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AwsNode, "lag_seconds", 0.0)


def test_runs_say_what_started_them_and_how_they_ended(aws: Aws) -> None:
    node = Node(aws, SPEAK)
    first = node.start(TRIGGER_ID="t-1", ROUND_NUMBER="371")
    node.ended(first)
    second = node.start()
    node.ended(second)
    found = operations(node)
    newest, oldest = found.runs()
    assert [newest.id, oldest.id] == [second, first]
    assert (oldest.trigger_id, oldest.round, newest.trigger_id) == ("t-1", "371", "")
    assert oldest.state is State.SUCCEEDED
    assert (oldest.seconds or -1) >= 0
    assert found.run(first) == oldest
    assert [run.id for run in found.runs(limit=1)] == [second]


def test_a_job_s_lines_come_in_order_and_following_ends_with_the_job(aws: Aws) -> None:
    node = Node(aws, SPEAK)
    job = node.start()
    found = operations(node)
    lines = found.follow(found.run(job), pause=lambda _: node.ended(job))
    assert [line.text for line in lines] == ["first", "last"]
    assert [line.text for line in found.log(found.run(job), limit=1)] == ["last"]


def test_a_failed_job_has_its_reason(aws: Aws) -> None:
    node = Node(aws, FAIL)
    job = node.start()
    node.ended(job)
    found = operations(node)
    run = found.run(job)
    assert run.state is State.FAILED
    assert run.reason == "Essential container in task exited; exit code 3"
    assert [line.text for line in found.log(run)] == ["about to fail"]


def test_a_running_job_is_stopped_and_says_by_what(aws: Aws) -> None:
    node = Node(aws, SLEEP)
    job = node.start()
    found = operations(node)
    lines = found.follow(found.run(job), pause=lambda _: None)
    assert next(lines).text == "asleep"
    found.stop(found.run(job))
    node.ended(job)
    assert [line.text for line in lines] == []
    run = found.run(job)
    assert (run.state, run.reason) == (State.CANCELLED, "stopped with `pnodes stop`")


def test_jobs_of_other_nodes_are_not_shown(aws: Aws) -> None:
    node = Node(aws, SPEAK)
    node.ended(node.start())
    other = NodeFacts("beta", "aws", "us-east-1", node.facts.job + "-2", node.facts.names)
    assert Account(lambda _: None, "us-east-1").node(other).runs() == []


def test_the_trigger_s_log_is_the_node_s_part_of_its_function_s(aws: Aws) -> None:
    node = Node(aws, SPEAK)
    allowed = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    role = aws.role("trigger-role", "lambda.amazonaws.com", json.dumps({"Statement": [allowed]}))
    function = aws.make(
        functions.FUNCTION,
        "alpha",
        name="p-dev-alpha",
        role=role["arn"],
        runtime="python3.13",
        handler="index.handler",
        code={"index.py": TRIGGER.encode()},
        loggingConfig={"logFormat": "JSON", "logGroup": node.logs.id},
    )
    found = operations(node)
    assert found.trigger_log() == []
    aws.client("lambda").invoke(FunctionName=function.id, Payload=b"{}")
    (line,) = found.trigger_log()
    assert line.text == LINE
    assert found.trigger_log(since=line.time - timedelta(seconds=1)) == [line]
    assert found.trigger_log(since=datetime.now(UTC) + timedelta(minutes=1)) == []


def test_no_credentials_is_a_sentence_with_the_command(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(aws, SPEAK)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoCredentials, match="`aws configure` or `aws sso login`"):
        operations(node).runs()


def test_a_session_of_aws_login_is_no_usable_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[default]\nlogin_session = arn:aws:iam::123456789012:user/me\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(NoCredentials, match=r"login credential provider .* `aws sso login`"):
        Account(lambda _: None, "us-east-1").client("sts")


@pytest.mark.parametrize(
    "configured", [{"aws:profile": "absent"}, {"aws:accessKey": "AKIAOTHER", "aws:secretKey": "hush"}]
)
def test_the_stack_s_configuration_decides_and_no_secret_is_told(aws: Aws, configured: dict[str, str]) -> None:
    node = Node(aws, SPEAK)
    with pytest.raises(NoCredentials) as caught:
        operations(node, configured).runs()
    assert "hush" not in str(caught.value)


def test_facts_of_an_older_stack_and_unknown_jobs_are_sentences(aws: Aws) -> None:
    node = Node(aws, SPEAK)
    old: Any = NodeFacts("alpha", "aws", "us-east-1", node.facts.job, {})
    with pytest.raises(OperationsError, match="Run `pulumi up` once"):
        Account(lambda _: None, "us-east-1").node(old).runs()
    with pytest.raises(OperationsError, match="has no job"):
        operations(node).run("5f0c8a31-0000-4000-8000-000000000000")
