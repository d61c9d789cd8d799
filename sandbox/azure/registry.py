"""Container Registry: the resource type, and builds with ACR Tasks (quick runs) through Resource Manager."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any

from sandbox.azure import acr_task
from sandbox.azure.calls import Call, Refused, Reply, reply
from sandbox.azure.handlers import ArmHandler
from sandbox.azure.storage import Blobs
from sandbox.cloud import Resource
from sandbox.images import BuildError

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

REGISTRY = "azure-native:containerregistry:Registry"
_BUCKET = "azure/tasks"


class Registry(ArmHandler):
    """Microsoft.ContainerRegistry/registries."""

    kind, limit, worldwide = "Microsoft.ContainerRegistry/registries", r"[A-Za-z0-9]{5,50}", True

    def add_computed(self, resource: Resource) -> None:
        resource.outputs["loginServer"] = f"{resource.outputs['name']}.azurecr.io"

    def delete(self, resource: Resource) -> None:
        images = self.cloud.kernel.images
        for repository in self.cloud.kernel.store.all("azure:repositories", f"{resource['loginServer']}/"):
            images.delete_repository(repository)
            self.cloud.kernel.store.delete("azure:repositories", repository)


class Tasks:
    """Quick runs: an upload URL for the source, and runs in the background with their state and log."""

    def __init__(self, cloud: AzureCloud, blobs: Blobs) -> None:
        self._cloud, self._blobs, self._store = cloud, blobs, cloud.kernel.store
        self._saving = threading.Lock()

    def serve(self, call: Call, registry: Resource, segments: list[str]) -> Reply:
        """Answer a request for an action of a registry. Raises Refused."""
        match (call.method, *segments):
            case ("POST", "listBuildSourceUploadUrl"):
                key = f"{registry['name']}/source/{secrets.token_hex(12)}.tar.gz"
                return reply({"uploadUrl": self._blobs.sign(key), "relativePath": key.split("/", 1)[1]})
            case ("POST", "scheduleRun"):
                return reply(self._schedule(registry, call.json()))
            case ("GET", "runs"):
                runs = self._store.all("azure:acr-runs", f"{registry.id}/")
                return reply({"value": [self._run(registry, key.rsplit("/", 1)[1]) for key in runs]})
            case ("POST", "runs", run, "cancel"):
                self._run(registry, run)
                self._save(registry, run, {"status": "Canceled", "outputImages": []})
                return reply({})
            case ("GET", "runs", run):
                return reply(self._run(registry, run))
            case ("POST", "runs", run, "listLogSasUrl"):
                self._run(registry, run)
                return reply({"logLink": self._blobs.sign(_log_key(registry, run))})
        raise Refused(404, "InvalidResourceType", f"{call.method} {'/'.join(segments)} is not an action of a registry")

    def _schedule(self, registry: Resource, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("type") != "EncodedTaskRunRequest":
            raise Refused(400, "InvalidRunRequest", "the sandbox runs requests of type EncodedTaskRunRequest only")
        missing = [key for key in ("sourceLocation", "encodedTaskContent", "platform") if not request.get(key)]
        if missing:
            raise Refused(400, "InvalidRunRequest", f"{missing[0]} is required")
        if request["platform"] != {"os": "Linux", "architecture": "amd64"}:
            raise Refused(400, "InvalidRunRequest", "the sandbox builds for linux/amd64 only")
        source = self._store.get_blob(_BUCKET, f"{registry['name']}/{request['sourceLocation']}")
        if source is None:
            raise Refused(400, "InvalidSourceLocation", f"nothing was uploaded to {request['sourceLocation']}")
        run = f"ca{secrets.token_hex(4)}"
        self._store.put_blob(_BUCKET, _log_key(registry, run), b"")
        self._store.put("azure:acr-runs", f"{registry.id}/{run}", {"status": "Queued", "outputImages": []})
        threading.Thread(target=self._build, args=(registry, run, request, source), daemon=True).start()
        return self._run(registry, run)

    def _run(self, registry: Resource, run: str) -> dict[str, Any]:
        state = self._store.get("azure:acr-runs", f"{registry.id}/{run}")
        if state is None:
            raise Refused(404, "RunNotFound", f"there is no run {run}")
        return {"id": f"{registry.id}/runs/{run}", "name": run, "properties": {"runId": run, **state}}

    def _save(self, registry: Resource, run: str, state: dict[str, Any]) -> bool:
        """Store a run's new state unless it was cancelled; return whether it was stored."""
        key = f"{registry.id}/{run}"
        with self._saving:
            current = self._store.get("azure:acr-runs", key)
            if current is not None and current["status"] not in ("Queued", "Running"):
                return False
            self._store.put("azure:acr-runs", key, state)
        return True

    def _build(self, registry: Resource, run: str, request: dict[str, Any], source: bytes) -> None:
        lines: list[str] = []
        self._save(registry, run, {"status": "Running", "outputImages": []})

        def log(line: str) -> None:
            lines.append(line + "\n")
            self._store.put_blob(_BUCKET, _log_key(registry, run), "".join(lines).encode())

        try:
            task = acr_task.read(request["encodedTaskContent"], registry["loginServer"])
            repository = task.repository
            digest = self._cloud.kernel.images.build(
                repository, source, task.dockerfile, task.arguments, [task.tag], log
            )
        except (BuildError, OSError) as error:
            log(f"failed: {error}")
            failed = {"status": "Failed", "outputImages": [], "runErrorMessage": str(error)}
            self._save(registry, run, failed)
            return
        # A run whose task names no image by a build step of its own tells none.
        if not self._save(registry, run, {"status": "Succeeded", "outputImages": []}):
            self._store.delete("images", f"{repository}@{digest}")  # a cancelled run must not leave an image
            return
        older = (self._store.get("azure:repositories", repository) or {"digests": []})["digests"]
        digests = [old for old in older if old != digest] + [digest]
        self._store.put("azure:repositories", repository, {"digests": digests})


def _log_key(registry: Resource, run: str) -> str:
    return f"{registry['name']}/logs/{run}.log"
