"""Cloud Scheduler: jobs that call a URL according to a cron expression in a time zone."""

from __future__ import annotations

import base64
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from sandbox.calls import Call, Reply
from sandbox.clock import Clock
from sandbox.cloud import CloudError, Resource
from sandbox.gcp.handlers import GcpHandler
from trigger.cron import fields, matches

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

JOB = "gcp:cloudscheduler/job:Job"
_LOG = logging.getLogger(__name__)


class Job(GcpHandler):
    """Scheduler jobs with an HTTP target."""

    autoname, service = "name", "cloudscheduler"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        name, where = resource.inputs["name"], resource.inputs["region"]
        id_ = f"projects/{self.cloud.project}/locations/{where}/jobs/{name}"
        self.set_name(resource, name, r"[a-zA-Z0-9_-]{1,500}", id_)
        self._validate(resource)

    def update(self, _old: Resource, resource: Resource) -> None:
        self._validate(resource)

    def _validate(self, resource: Resource) -> None:
        inputs = resource.inputs
        try:
            fields(inputs["schedule"])
        except ValueError as error:
            raise CloudError(f"googleapi: Error 400: Schedule or time zone is invalid: {error}, badRequest") from error
        if inputs.get("timeZone", "Etc/UTC") not in available_timezones():
            raise CloudError("googleapi: Error 400: Schedule or time zone is invalid., badRequest")
        target: dict[str, Any] = inputs["httpTarget"]
        if not str(target["uri"]).startswith("https://") or not urlsplit(target["uri"]).hostname:
            raise CloudError(f"googleapi: Error 400: the target {target['uri']} is not an address, badRequest")
        resource.outputs |= {"project": self.cloud.project, "state": "PAUSED" if inputs.get("paused") else "ENABLED"}


class Scheduler(Clock):
    """Calls the targets that are due, each minute while the daemon runs."""

    def __init__(self, cloud: GcpCloud) -> None:
        super().__init__("gcp-scheduler")
        self._cloud = cloud

    def tick(self, minute: datetime) -> list[Reply]:
        """Call the targets that are due in this minute (UTC)."""
        due = [
            job
            for job in self._cloud.resources(JOB)
            if job["state"] == "ENABLED"
            and matches(job["schedule"], minute.astimezone(ZoneInfo(job.outputs.get("timeZone", "Etc/UTC"))))
        ]
        return [self.fire(job, minute) for job in due]

    def fire(self, job: Resource, minute: datetime) -> Reply:
        """Call a job's target as if at this minute."""
        target = job.inputs["httpTarget"]
        url = urlsplit(target["uri"])
        headers = {name.lower(): value for name, value in (target.get("headers") or {}).items()}
        headers |= {"x-cloudscheduler": "true", "x-cloudscheduler-scheduletime": minute.strftime("%Y-%m-%dT%H:%M:%SZ")}
        body = base64.b64decode(target.get("body") or "")
        answer = self._cloud.answer(
            Call(target.get("httpMethod", "POST"), url.netloc, url.path, {}, headers, body, "scheduler")
        )
        if answer.status >= 300:
            _LOG.warning("the target of schedule %s answered with %s", job["name"], answer.status)
        return answer
