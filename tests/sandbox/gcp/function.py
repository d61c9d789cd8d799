"""A region's trigger in the simulated Google Cloud, with two nodes and everything that they need."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from providers.gcp import roles
from providers.gcp.archive import ARCHIVE
from sandbox.cloud import Resource
from sandbox.gcp import functions, storage
from tests.sandbox.gcp.cloud import (
    PROJECT_MEMBER,
    REGION,
    REPOSITORY_MEMBER,
    SERVICE_MEMBER,
    Google,
)
from trigger.table import Row

MODEL, OTHER = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
SHA256_OF_DATA = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
CODE = {name: text.encode() for name, text in ARCHIVE.files().items()}


class World:
    """A public function with the trigger's archive, the jobs and rows of alpha and beta, and the members it needs."""

    def __init__(self, google: Google) -> None:
        self.google = google
        self.bucket = google.bucket("claims-1")
        self.triggers = google.repository("triggers")
        self.trigger, self.packager = google.account("trigger"), google.account("packager")
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
        image, jobs = google.image(google.repository("nodes")), google.account("jobs")
        self.job, self.other_job = google.job("alpha", jobs, image), google.job("beta", jobs, image)
        self.may_run = google.grant_job(self.trigger, self.job)
        google.grant_job(self.trigger, self.other_job)
        self.row = self.add_row("alpha", MODEL, self.job)
        self.add_row("beta", OTHER, self.other_job)
        self.may_claim = google.grant_bucket(self.trigger, self.bucket)
        self.source = google.make(
            storage.OBJECT, "source", bucket=self.bucket["name"], name="source/trigger.zip", source=CODE
        )
        self.function = google.make(functions.FUNCTION, "gcp-us-central1", **self.inputs())
        self.public = google.grant(
            SERVICE_MEMBER, "allUsers", "roles/run.invoker", location=REGION, name=self.function["name"]
        )

    def add_row(self, node: str, model: str, job: Resource, **columns: str) -> Resource:
        """Write a row of the table as the program does."""
        row = Row(model, node, SHA256_OF_DATA, job["name"], **columns)
        name = f"table/{row.write_key()}"
        return self.google.make(storage.OBJECT, node, bucket=self.bucket["name"], name=name, content="row")

    def inputs(self, **service: Any) -> dict[str, Any]:
        environment = {
            "PACKAGE": ARCHIVE.digest(),
            "BUCKET": self.bucket["name"],
            "PARENT": f"projects/{self.google.cloud.project}/locations/{REGION}",
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

    def health(self, model: str = "") -> httpx.Response:
        with self.google.http(token="", client="numerai") as client:
            return client.get(f"{self.function['serviceConfig']['uri']}/health/{model}")
