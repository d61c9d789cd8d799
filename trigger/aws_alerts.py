"""Alerts on AWS: addresses in Secrets Manager, e-mails by SNS, and the logs of jobs in CloudWatch."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from trigger.alert_channels import Alert, AlertError
from trigger.alerts import Alerts
from trigger.core import Trigger
from trigger.http_call import call, call_until_answered
from trigger.job_runs import JobRun
from trigger.starts import StartError
from trigger.table import Row, StoreError


class Signer(Protocol):
    """`aws.Signer`."""

    def locate(self) -> str: ...

    def sign(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> dict[str, str]: ...


class Evidence:
    """What CloudWatch and AWS's console show of a run."""

    def __init__(self, region: str, batch: Signer, logs: Signer) -> None:
        self._region, self._batch, self._logs = region, batch, logs

    def read_log(self, row: Row, run: JobRun) -> list[str]:
        """DescribeJobs for the stream's name, then GetLogEvents."""
        url = f"{self._batch.locate()}/v1/describejobs"
        headers = {"content-type": "application/json"}
        jobs = self._ask(self._batch, url, headers, {"jobs": [run.job]}).get("jobs") or [{}]
        container = jobs[0].get("container") or {}
        group = ((container.get("logConfiguration") or {}).get("options") or {}).get("awslogs-group")
        if not container.get("logStreamName") or not group:
            return []
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "Logs_20140328.GetLogEvents"}
        query = {"logGroupName": group, "logStreamName": container["logStreamName"]}
        query |= {"startFromHead": False, "limit": 50}
        page = self._ask(self._logs, f"{self._logs.locate()}/", headers, query)
        return [str(event["message"]) for event in page.get("events") or []]

    def _ask(self, signer: Signer, url: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps(query).encode()
        answer = call_until_answered("POST", url, signer.sign("POST", url, headers, body), body)
        if answer.status != 200:
            raise StartError(f"{answer.status} {answer.reason()}")
        return dict(json.loads(answer.body))

    def link(self, row: Row, run: JobRun | None) -> str:
        """Return the page of a job in Batch's console, or of the list of jobs."""
        page = f"detail/{run.job}" if run else ""
        return f"https://{self._region}.console.aws.amazon.com/batch/home?region={self._region}#jobs/{page}"


class Mailer:
    """Publishes to a topic, whose ARN is the reference; its subscription is the e-mail address."""

    def __init__(self, signer: Signer) -> None:
        self._url, self._signer = f"{signer.locate()}/", signer

    def send(self, reference: str, alert: Alert) -> None:
        """Publish. Raises AlertError."""
        query = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": reference}
        query |= {"Subject": alert.write_subject(), "Message": alert.write_text()}
        body, headers = urlencode(query).encode(), {"content-type": "application/x-www-form-urlencoded"}
        try:
            answer = call("POST", self._url, self._signer.sign("POST", self._url, headers, body), body)
        except OSError as error:
            raise AlertError(f"SNS did not answer: {error}") from error
        if answer.status != 200:
            raise AlertError(f"SNS answered {answer.status} {answer.reason()}")


def build_alerts(
    trigger: Trigger, open_signer: Callable[[str], Signer], read_secret: Callable[[str], dict[str, str]]
) -> Alerts:
    """Return the region's alerts. A reference of an address is SECRET#KEY; `read_secret` raises StoreError."""

    def read_address(reference: str) -> str:
        secret, _, key = reference.partition("#")
        try:
            return read_secret(secret)[key]
        except KeyError:
            raise StoreError(f"the secret with the addresses has no {key}") from None

    evidence = Evidence(os.environ["AWS_REGION"], open_signer("batch"), open_signer("logs"))
    return Alerts(trigger, evidence, read_address, Mailer(open_signer("sns")).send, time.time)
