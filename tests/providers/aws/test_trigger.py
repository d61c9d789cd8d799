"""The deployed archive in the sandbox: one function for several nodes, with the permissions of its role."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from providers.aws import roles
from providers.aws.archive import ARCHIVE
from sandbox.aws import batch, functions, s3
from sandbox.calls import Call, Reply
from sandbox.cloud import Resource
from sandbox.faults import Fault
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.aws.job import World
from tests.waiting import wait_until
from trigger.table import Row

ALPHA, BETA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
TOKEN = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"  # the SHA-256 of "data"
BATCH, S3 = "batch.us-east-1", ".s3.us-east-1"


class Trigger:
    """The function, with short times, a row for the node alpha, and definitions for it and beta."""

    def __init__(self, aws: Aws) -> None:
        self.aws, self.world, self.bucket = aws, World(aws), aws.bucket()
        aws.make(batch.DEFINITION, "beta", **self.world.inputs() | {"name": "p-dev__beta"})
        logs = aws.group("trigger")
        policy = roles.build_trigger_policy(
            logs["arn"], self.bucket["arn"], self.world.definitions("p-dev"), [self.world.queue["arn"]]
        )
        files = dict(ARCHIVE.files())
        for name, shown, shorter in (
            ("trigger/http_call.py", "TIMEOUT, START_TIMEOUT = 5.0, 20.0", "TIMEOUT, START_TIMEOUT = 2.0, 1.0"),
            ("trigger/table.py", "TABLE_SECONDS = 5", "TABLE_SECONDS = 1"),
        ):
            assert shown in files[name]
            files[name] = files[name].replace(shown, shorter)
        self.function = aws.make(
            functions.FUNCTION,
            "trigger",
            name="p-dev__trigger",
            role=aws.role("url", "lambda.amazonaws.com", policy)["arn"],
            runtime="python3.13",
            handler="index.handler",
            timeout=60,
            code={name: text.encode() for name, text in files.items()},
            environment={"variables": {"BUCKET": self.bucket.id, "PACKAGE": "abc"}},
            loggingConfig={"logFormat": "JSON", "logGroup": logs.id},
        )
        self.url = aws.make(functions.URL, "u", functionName=self.function["name"], authorizationType="NONE")
        self.row = Row(ALPHA, "alpha", TOKEN, "p-dev__alpha", self.world.queue.id)
        self.object = self.put(self.row)
        self.listed: list[str] = []
        self.jobs = 0
        self._count_calls()

    def _count_calls(self) -> None:
        def count(serve: Callable[[Call], Reply], counted: Callable[[Call], None]) -> Callable[[Call], Reply]:
            def serve_and_count(call: Call) -> Reply:
                counted(call)
                return serve(call)

            return serve_and_count

        cloud = self.aws.cloud
        cloud.objects.serve = count(  # type: ignore[assignment, method-assign]
            cloud.objects.serve, lambda call: self.listed.append(call.query.get("prefix", ""))
        )
        jobs = cloud._jobs

        def submitted(call: Call) -> None:
            self.jobs += call.path == "/v1/submitjob"

        jobs.serve = count(jobs.serve, submitted)  # type: ignore[assignment, method-assign]

    def put(self, row: Row) -> Resource:
        return self.aws.make(s3.OBJECT, row.node, bucket=self.bucket.id, key=f"table/{row.write_key()}")

    def call(self, trigger_id: str, model: str = ALPHA, token: str = "data") -> httpx.Response:
        body = {"roundNumber": 7, "triggerId": trigger_id}
        return self.send("POST", f"pred/{model}?token={token}", json=body)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        trust = ssl.create_default_context(cafile=str(self.aws.network.ca_file))
        with httpx.Client(proxy=self.aws.network.proxy("numerai"), verify=trust, trust_env=False, timeout=60) as client:
            return client.request(method, self.url["functionUrl"] + path, **more)

    def runs(self) -> list[str]:
        return [run.run_id for run in self.aws.cloud.kernel.executor.runs()]

    def fail(self, where: str, method: str = "POST", **fault: Any) -> None:
        self.aws.cloud.faults.order(Fault(where, method, **fault))


@pytest.fixture
def trigger(aws: Aws) -> Trigger:
    return Trigger(aws)


def test_each_trigger_id_starts_one_job_of_its_node(trigger: Trigger) -> None:
    trigger.put(trigger.row._replace(model_id=BETA, node="beta", job="p-dev__beta"))
    first, second, other = trigger.call("trigger-1"), trigger.call("trigger-1"), trigger.call("trigger-1", BETA)
    assert [answer.status_code for answer in (first, second, other)] == [202, 200, 202], (first.text, other.text)
    assert first.json()["job"] == second.json()["job"] != other.json()["job"]
    definitions = {run.run_id: run.job for run in trigger.aws.cloud.kernel.executor.runs()}
    assert definitions[first.json()["job"]].endswith("/p-dev__alpha")
    assert definitions[other.json()["job"]].endswith("/p-dev__beta")


def test_a_start_that_takes_too_long_is_looked_up_and_not_repeated(trigger: Trigger) -> None:
    trigger.fail(BATCH, seconds=3)
    answer = trigger.call("trigger-1")
    assert answer.status_code == 202, answer.text
    assert trigger.runs() == [answer.json()["job"]]
    assert trigger.jobs == 1


@pytest.mark.parametrize(
    ("where", "method", "status"),
    [
        (BATCH, "POST", 429),
        (BATCH, "POST", 503),
        (S3, "PUT", 503),
        (S3, "PUT", 429),
        (S3, "PUT", 409),
        (S3, "GET", 503),
    ],
)
def test_a_single_busy_answer_is_repeated(trigger: Trigger, where: str, method: str, status: int) -> None:
    trigger.fail(where, method, status=status)
    answer = trigger.call("trigger-1")
    assert answer.status_code == 202, answer.text
    assert len(trigger.runs()) == 1


def test_a_claim_whose_answer_came_too_late_is_its_own(trigger: Trigger) -> None:
    assert trigger.call("trigger-0").status_code == 202
    trigger.fail(S3, "PUT", seconds=3)
    answer = trigger.call("trigger-1")
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "started"


def test_unknown_models_and_wrong_tokens_cause_almost_no_calls(trigger: Trigger) -> None:
    assert trigger.send("GET", f"health/{ALPHA}").json() == {"node": "alpha", "package": "abc"}
    began = time.monotonic()
    for number in range(30):
        assert trigger.call("trigger-1", f"model-{number}").status_code == 404
        assert trigger.call("trigger-1", token=f"token-{number}").status_code == 401
    assert set(trigger.listed) == {"table/"}
    assert len(trigger.listed) <= 2 + time.monotonic() - began
    assert trigger.jobs == 0


def test_a_changed_row_is_served_without_a_restart(trigger: Trigger) -> None:
    assert trigger.send("GET", f"health/{BETA}").status_code == 404
    process = trigger.aws.cloud.kernel.functions._deployed[functions.key(trigger.function.id)].process
    trigger.put(trigger.row._replace(model_id=BETA, node="beta", job="p-dev__beta"))
    wait_until(lambda: trigger.send("GET", f"health/{BETA}").status_code == 200, lambda: "beta is not served", 20)
    time.sleep(1)  # S3 records whole seconds
    trigger.put(trigger.row._replace(enabled="no"))
    wait_until(lambda: trigger.call("trigger-1").status_code == 403, lambda: "alpha is still enabled", 20)
    trigger.aws.remove(trigger.object)
    time.sleep(2)
    assert trigger.call("trigger-2").status_code == 403
    assert trigger.aws.cloud.kernel.functions._deployed[functions.key(trigger.function.id)].process is process
