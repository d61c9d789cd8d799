"""Resource types with little behaviour of their own: services, repositories, log exclusions and secrets."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.cloud import CloudError, Handler, Resource
from sandbox.values import UNKNOWN

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

SERVICE = "gcp:projects/service:Service"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
EXCLUSION = "gcp:logging/projectExclusion:ProjectExclusion"
SECRET = "gcp:secretmanager/secret:Secret"  # noqa: S105 - a type's name
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
_HOLDERS = "gcp:service-holders"
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


class GcpHandler(Handler):
    """A resource whose service must be enabled and whose labels must be valid."""

    service = ""

    def __init__(self, cloud: GcpCloud) -> None:
        self.cloud = cloud

    def require_enabled(self) -> None:
        """Raise CloudError, as Google does, unless the service is enabled."""
        name = f"{self.service}.googleapis.com"
        if self.service and not self.cloud.is_enabled(name):
            raise CloudError(
                f"googleapi: Error 403: {name} has not been used in project {self.cloud.project} before or it is "
                "disabled. SERVICE_DISABLED"
            )

    def add_labels(self, resource: Resource) -> None:
        """Check the labels and add the outputs that the provider derives from them."""
        labels = resource.inputs.get("labels") or {}
        for key, value in labels.items():
            if not _LABEL.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                raise CloudError(f'googleapi: Error 400: Invalid label "{key}": "{value}"., badRequest')
        resource.outputs |= {
            "pulumiLabels": labels,
            "effectiveLabels": {**labels, "goog-pulumi-provisioned": "true"},
        }

    def set_name(self, resource: Resource, name: str, pattern: str, id_: str) -> None:
        """Check that the name is valid and not taken, and set the id."""
        if not re.fullmatch(pattern, name):
            raise CloudError(f'googleapi: Error 400: Invalid name "{name}": expected {pattern}, badRequest')
        resource.id = id_
        if self.cloud.get(resource.type, id_) is not None:
            raise CloudError(f"googleapi: Error 409: {id_} already exists, alreadyExists")


class Service(Handler):
    """projects.Service: an enabled service. Clusters in several regions enable the same services: each has its own
    resource, but all share one record, which is deleted with the last one (see GcpCloud.forget)."""

    autoname = None

    def __init__(self, cloud: GcpCloud) -> None:
        self.cloud = cloud

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        if inputs.get("service", UNKNOWN) != UNKNOWN and "." not in inputs["service"]:
            yield "service", f'"service" ("{inputs["service"]}") must be a domain'

    def create(self, resource: Resource) -> None:
        resource.id = f"{self.cloud.project}/{resource.inputs['service']}"
        resource.outputs["project"] = self.cloud.project
        self.cloud.kernel.store.delete("gcp:switched", resource.inputs["service"])
        self.cloud.kernel.store.insert(_HOLDERS, f"{resource.id} {secrets.token_hex(8)}", {})

    def delete(self, resource: Resource) -> None:
        held = self.cloud.kernel.store.all(_HOLDERS, f"{resource.id} ")
        any(self.cloud.kernel.store.delete(_HOLDERS, key) for key in held)

    def is_held(self, resource: Resource) -> bool:
        """Return whether a cluster still has a resource for this service."""
        return bool(self.cloud.kernel.store.all(_HOLDERS, f"{resource.id} "))


class Repository(GcpHandler):
    """Artifact Registry's repositories."""

    autoname, service = "repositoryId", "artifactregistry"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        name, where = resource.inputs["repositoryId"], resource.inputs["location"]
        id_ = f"projects/{self.cloud.project}/locations/{where}/repositories/{name}"
        self.set_name(resource, name, r"[a-z][a-z0-9-]{0,61}[a-z0-9]", id_)
        self.add_labels(resource)
        resource.outputs |= {"name": name, "project": self.cloud.project, "registryUri": self.url(resource)}

    def update(self, _old: Resource, resource: Resource) -> None:
        self.add_labels(resource)

    def url(self, resource: Resource) -> str:
        """Return REGION-docker.pkg.dev/PROJECT/REPOSITORY."""
        where, name = resource.inputs["location"], resource.inputs["repositoryId"]
        return f"{where}-docker.pkg.dev/{self.cloud.project}/{name}"

    def delete(self, resource: Resource) -> None:
        store = self.cloud.kernel.store
        for repository in store.all("gcp:packages", f"{self.url(resource)}/"):
            self.cloud.kernel.images.delete_repository(repository)
            store.delete("gcp:packages", repository)


class Exclusion(GcpHandler):
    """Exclusions of Cloud Logging. They have no effect, because the sandbox does not log requests."""

    autoname, service = "name", "logging"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        name = resource.inputs["name"]
        id_ = f"projects/{self.cloud.project}/exclusions/{name}"
        self.set_name(resource, name, r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}", id_)
        resource.outputs["project"] = self.cloud.project


class Secret(GcpHandler):
    """Secret Manager's secrets."""

    autoname, service = "secretId", "secretmanager"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        name = resource.inputs["secretId"]
        self.set_name(resource, name, r"[a-zA-Z0-9_-]{1,255}", f"projects/{self.cloud.project}/secrets/{name}")
        self.add_labels(resource)
        resource.outputs |= {"name": resource.id, "project": self.cloud.project}

    def update(self, _old: Resource, resource: Resource) -> None:
        self.add_labels(resource)

    def delete(self, resource: Resource) -> None:
        if resource.inputs.get("deletionProtection"):
            raise CloudError("cannot destroy secret without setting deletion_protection=false")


class SecretVersion(GcpHandler):
    """Versions of secrets; the value is stored separately from the resource's record."""

    autoname, service = None, "secretmanager"

    def create(self, resource: Resource) -> None:
        secret = self.cloud.get(SECRET, resource.inputs["secret"])
        if secret is None:
            raise CloudError(f"googleapi: Error 404: Secret [{resource.inputs['secret']}] not found., notFound")
        store = self.cloud.kernel.store
        number = str(len(store.all("gcp:secret-versions", f"{secret.id}/")) + 1)
        resource.id = f"{secret.id}/versions/{number}"
        store.put("gcp:secret-versions", resource.id, {"data": resource.inputs["secretData"]})
        resource.outputs |= {"version": number, "name": resource.id, "enabled": True}

    def delete(self, resource: Resource) -> None:
        self.cloud.kernel.store.put("gcp:secret-versions", resource.id, {"data": None})
