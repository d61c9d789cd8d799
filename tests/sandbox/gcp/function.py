"""The trigger's function in the simulated Google Cloud, with everything that it needs."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from providers.gcp import roles
from providers.gcp.archive import ARCHIVE
from sandbox.gcp import functions, storage
from tests.sandbox.gcp.cloud import (
    JOB_MEMBER,
    PROJECT_MEMBER,
    REGION,
    REPOSITORY_MEMBER,
    SERVICE_MEMBER,
    Google,
)

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
SHA256_OF_DATA = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
CODE = {name: text.encode() for name, text in ARCHIVE.files().items()}


class World:
    """A public function with the trigger's archive, its job, and the members that it needs."""

    def __init__(self, google: Google) -> None:
        self.google = google
        self.bucket = google.bucket("claims-1")
        self.triggers = google.repository("triggers")
        self.trigger, self.packager = google.account("alpha-trg"), google.account("packager")
        self.packaging = [
            google.grant(PROJECT_MEMBER, self.packager, "roles/logging.logWriter", project=google.cloud.project),
            google.grant(
                PROJECT_MEMBER,
                self.packager,
                "roles/storage.objectViewer",
                roles.build_sources_condition(roles.FUNCTION_SOURCES),
                project=google.cloud.project,
            ),
            google.grant(
                REPOSITORY_MEMBER,
                self.packager,
                "roles/artifactregistry.writer",
                location=REGION,
                repository="triggers",
            ),
        ]
        self.job = google.job("alpha", google.account("alpha-job"), google.image(google.repository("nodes")))
        runner = google.role("runner", roles.RUNNER)
        self.may_run = google.grant(JOB_MEMBER, self.trigger, runner["name"], location=REGION, name=self.job["name"])
        self.may_claim = google.grant_claims(self.trigger, self.bucket, "alpha")
        self.source = google.make(
            storage.OBJECT, "source", bucket=self.bucket["name"], name="source/trigger.zip", source=CODE
        )
        self.function = google.make(functions.FUNCTION, "alpha", **self.inputs())
        self.public = google.grant(
            SERVICE_MEMBER, "allUsers", "roles/run.invoker", location=REGION, name=self.function["name"]
        )

    def inputs(self, **service: Any) -> dict[str, Any]:
        environment = {
            "NODE_NAME": "alpha",
            "MODEL_ID": MODEL,
            "TOKEN_SHA256": SHA256_OF_DATA,
            "PACKAGE": ARCHIVE.digest(),
            "JOB": self.job.id,
            "CLAIMS_BUCKET": self.bucket["name"],
        }
        return {
            "location": REGION,
            "buildConfig": {
                "runtime": "python313",
                "entryPoint": "webhook",
                "serviceAccount": self.packager.id,
                "dockerRepository": self.triggers.id,
                "source": {"storageSource": {"bucket": self.bucket["name"], "object": self.source["name"]}},
            },
            "serviceConfig": {
                "serviceAccountEmail": self.trigger["email"],
                "environmentVariables": {**environment, **service.pop("environment", {})},
                **service,
            },
        }

    def call(self, path: str = f"/pred/{MODEL}?token=data", trigger: str = "", **headers: str) -> httpx.Response:
        body = {"roundNumber": 371, "dataVersion": 1, "triggerId": trigger or str(uuid.uuid4())}
        with self.google.http(token="", client="numerai") as client:
            return client.post(f"{self.function['serviceConfig']['uri']}{path}", json=body, headers=headers)

    def health(self) -> httpx.Response:
        with self.google.http(token="", client="numerai") as client:
            return client.get(f"{self.function['serviceConfig']['uri']}/health")
