"""A Cloud Run job in the simulated Google Cloud, with everything that it needs."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloud import Resource
from tests.sandbox.gcp.cloud import JOB_MEMBER, REGION, SECRET_MEMBER, SHOW, Google


class World:
    """A job that refers to a secret, and a trigger's account that may run it."""

    def __init__(self, google: Google, script: str = SHOW) -> None:
        self.google = google
        self.version = google.secret("planted")
        self.account, self.trigger = google.account("alpha-job"), google.account("alpha-trg")
        self.read = google.grant(SECRET_MEMBER, self.account, "roles/secretmanager.secretAccessor", secretId="key")
        self.image = google.image(google.repository("nodes"), script)
        self.job = google.job("alpha", self.account, self.image, container={"envs": self.envs()})
        self.may_run = google.grant_job(self.trigger, self.job)

    def envs(self) -> list[dict[str, Any]]:
        source = {"secretKeyRef": {"secret": "key", "version": self.version["version"]}}
        return [{"name": "A", "value": "1"}, {"name": "KEY", "valueSource": source}]

    def grant(self, role: str) -> Resource:
        full = f"projects/{self.google.cloud.project}/roles/{role}"
        return self.google.grant(JOB_MEMBER, self.trigger, full, location=REGION, name=self.job["name"])

    def start(self, overrides: dict[str, Any] | None = None, who: Resource | None = None) -> Any:
        with self.google.http(who or self.trigger) as client:
            body = {"overrides": overrides} if overrides is not None else {}
            return client.post(f"https://run.googleapis.com/v2/{self.job.id}:run", json=body)

    def printed(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        name = answer.json()["metadata"]["name"].rsplit("/", 1)[-1]
        executor = self.google.cloud.kernel.executor
        ended = executor.wait(name, 60)
        assert ended.state == "SUCCEEDED", (ended.reason, executor.logs(name))
        return dict(json.loads(executor.logs(name)))
