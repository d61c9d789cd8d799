"""A Batch job in the simulated AWS, with everything that it needs."""

from __future__ import annotations

import json
from typing import Any

from providers.aws import roles
from sandbox.aws import batch, network, secretsmanager
from sandbox.executor import JobRun
from tests.sandbox.archives import packed
from tests.sandbox.aws.cloud import Aws

SHOW = "import json, os\nprint(json.dumps({k: os.environ.get(k) for k in ('A', 'B', 'KEY', 'AWS_ACCESS_KEY_ID')}))\n"


class World:
    """A queue, a definition that refers to a secret and a real (process) image, and a trigger's role."""

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
        policy = roles.build_execution_policy(self.repository["arn"], self.logs["arn"], self.secret["arn"])
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
        start = roles.build_trigger_policy("arn:l", "arn:b", self.definitions("p-dev"), [self.queue["arn"]])
        self.trigger = aws.role("trigger", "lambda.amazonaws.com", start)

    def inputs(self, **container: Any) -> dict[str, Any]:
        return {
            "name": "p-dev__alpha",
            "type": "container",
            "platformCapabilities": ["FARGATE"],
            "timeout": {"attemptDurationSeconds": 60},
            "containerProperties": json.dumps(self.container | container),
        }

    def definitions(self, prefix: str) -> str:
        """Return the pattern for the job definitions of a stack."""
        return f"arn:aws:batch:us-east-1:{self.aws.cloud.account}:job-definition/{prefix}__*"

    def _image(self) -> str:
        files = {"Dockerfile": 'FROM python\nCOPY . .\nCMD ["python", "show.py"]\n', "show.py": self.script}
        url = self.repository["repositoryUrl"]
        images = self.aws.cloud.kernel.images
        return f"{url}@{images.build(url, packed(files), 'Dockerfile', {}, ['t'], lambda _: None)}"

    def submit(self, **changes: Any) -> str:
        request = {"jobName": "run-1", "jobQueue": self.queue["arn"], "jobDefinition": self.definition["name"]}
        return str(self.aws.client("batch", self.trigger).submit_job(**request | changes)["jobId"])

    def run(self, **changes: Any) -> JobRun:
        return self.aws.cloud.kernel.executor.wait(self.submit(**changes), 60)

    def printed(self, run: JobRun) -> dict[str, Any]:
        assert run.state == "SUCCEEDED", (run.reason, self.aws.cloud.kernel.executor.logs(run.run_id))
        return dict(json.loads(self.aws.cloud.kernel.executor.logs(run.run_id)))
