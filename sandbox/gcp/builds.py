"""Cloud Build v1: builds run in the background with their account's permissions, and log to Cloud Logging."""

from __future__ import annotations

import re
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.gcp.conditions import Facts
from sandbox.gcp.handlers import REPOSITORY
from sandbox.gcp.iam import ACCOUNT
from sandbox.images import BuildError

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "cloudbuild.googleapis.com"
_PATH = re.compile(r"/v1/projects/([^/]+)/locations/([^/]+)/builds(?:/([^/:]+)(:cancel)?)?")
_OBJECT = "storage.googleapis.com/Object"
# FailureInfo.FailureType by missing permission.
_FAILURES = {
    "logging.logEntries.create": "LOGGING_FAILURE",
    "artifactregistry.repositories.uploadArtifacts": "PUSH_NOT_AUTHORIZED",
}
_FIELDS = {"source", "steps", "images", "serviceAccount", "options", "timeout", "tags", "substitutions"}


class Builds:
    """The methods builds.create, get, list and cancel."""

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store
        self._saving = threading.Lock()

    def serve(self, call: Call, principal: str) -> Reply:
        """Answer a request to Cloud Build. Raises Refused."""
        match = _PATH.fullmatch(call.path)
        if match is None:
            raise Refused(404, "NOT_FOUND", f"{call.path} is not served")
        project, _, build_id, cancel = match.groups()
        if not self._cloud.is_enabled(HOST):
            raise Refused(403, "PERMISSION_DENIED", f"{HOST} has not been used in project {project}: SERVICE_DISABLED")
        if call.method == "POST" and build_id is None:
            self._cloud.access.require(principal, "cloudbuild.builds.create", f"projects/{project}")
            return reply(self._create(call.json()))
        if call.method == "GET" and build_id is None:
            self._cloud.access.require(principal, "cloudbuild.builds.list", f"projects/{project}")
            return reply({"builds": self._list_builds(call.query.get("filter", ""))})
        build = self._store.get("gcp:builds", build_id or "")
        if call.method == "POST" and cancel and build is not None:
            self._cloud.access.require(principal, "cloudbuild.builds.update", f"projects/{project}")
            self._save(build | {"status": "CANCELLED"})
            return reply(build | {"status": "CANCELLED"})
        if call.method == "GET" and build is not None:
            self._cloud.access.require(principal, "cloudbuild.builds.get", f"projects/{project}")
            return reply(build)
        raise Refused(404, "NOT_FOUND", "Requested entity was not found.")

    def _create(self, build: dict[str, Any]) -> dict[str, Any]:
        unknown = build.keys() - _FIELDS
        if unknown:
            raise Refused(400, "INVALID_ARGUMENT", f'Unknown name "{min(unknown)}" at build: Cannot find field.')
        account = build.get("serviceAccount", "").rsplit("/", 1)[-1]
        if self._cloud.find(ACCOUNT, email=account) is None:
            raise Refused(400, "INVALID_ARGUMENT", f"service account {account} does not exist")
        if (build.get("options") or {}).get("logging") not in ("CLOUD_LOGGING_ONLY", "NONE"):
            raise Refused(
                400,
                "INVALID_ARGUMENT",
                "if 'build.service_account' is specified, the build must either (a) specify 'build.logs_bucket', (b) "
                "use the REGIONAL_USER_OWNED_BUCKET build.options.default_logs_bucket_behavior option, or (c) use "
                "either CLOUD_LOGGING_ONLY / NONE logging options",
            )
        self._resolve(build["source"]["storageSource"], account)
        build_id = secrets.token_hex(16)
        record = {**build, "id": build_id, "status": "QUEUED", "logUrl": f"https://console.cloud.google.com/{build_id}"}
        self._store.put("gcp:builds", build_id, record)
        threading.Thread(target=self._build, args=(record, f"serviceAccount:{account}"), daemon=True).start()
        return {"name": f"operations/build/{build_id}", "metadata": {"build": record}}

    def _resolve(self, source: dict[str, str], account: str) -> None:
        """Check that the build's account can read the source, as Cloud Build does before it accepts a build."""
        facts = Facts(f"projects/_/buckets/{source['bucket']}/objects/{source['object']}", _OBJECT)
        where = f"buckets/{source['bucket']}"
        if not self._cloud.access.is_allowed(f"serviceAccount:{account}", "storage.objects.get", where, facts):
            raise Refused(
                400,
                "INVALID_ARGUMENT",
                f"Invalid build request. could not resolve source: googleapi: Error 403: {account} does not have "
                "storage.objects.get access to the Google Cloud Storage object. Permission 'storage.objects.get' "
                "denied on resource (or it may not exist)., forbidden",
            )

    def _list_builds(self, filter_: str) -> list[dict[str, Any]]:
        match = re.fullmatch(r'tags="([^"]+)"', filter_)
        if match is None:
            raise Refused(400, "INVALID_ARGUMENT", f"the sandbox lists builds of one tag, not {filter_}")
        return [build for build in self._store.all("gcp:builds").values() if match[1] in build.get("tags", [])]

    def _save(self, build: dict[str, Any]) -> bool:
        """Store a build's new state unless it was cancelled; return whether it was stored."""
        with self._saving:
            current = self._store.get("gcp:builds", build["id"])
            if current is not None and current["status"] not in ("QUEUED", "WORKING"):
                return False
            self._store.put("gcp:builds", build["id"], build)
        return True

    def _build(self, build: dict[str, Any], principal: str) -> None:
        lines: list[str] = []
        began = time.time()

        def log(line: str) -> None:
            lines.append(line)
            self._store.put("gcp:build-logs", build["id"], {"lines": lines, "at": began})

        try:
            self._save(build | {"status": "WORKING"})
            digest = self._build_image(build, principal, log)
        except (BuildError, OSError, Refused) as error:
            log(f"ERROR: {error}")
            kind = next((kind for right, kind in _FAILURES.items() if right in str(error)), "USER_BUILD_STEP")
            failure = {"type": kind, "detail": str(error)}
            self._save(build | {"status": "FAILURE", "statusDetail": str(error), "failureInfo": failure})
            return
        image = {"name": build["images"][0], "digest": digest}
        if not self._save(build | {"status": "SUCCESS", "results": {"images": [image]}}):
            # A cancelled build must not leave an image.
            self._store.delete("images", f"{build['images'][0].rpartition(':')[0]}@{digest}")

    def _build_image(self, build: dict[str, Any], principal: str, log: Any) -> str:
        source, require = build["source"]["storageSource"], self._cloud.access.require
        require(principal, "logging.logEntries.create", f"projects/{self._cloud.project}")
        data = self._store.get_blob(f"gcp/{source['bucket']}", source["object"])
        if data is None:
            raise BuildError(f"gs://{source['bucket']}/{source['object']} was not found")
        image, _, tag = build["images"][0].rpartition(":")
        registry, _, _ = image.rpartition("/")
        repository = self._cloud.find(REPOSITORY, registryUri=registry)
        if repository is None:
            raise BuildError(f"{registry} does not exist")
        require(principal, "artifactregistry.repositories.uploadArtifacts", repository.id)
        images = self._cloud.kernel.images
        digests = images.tags(image)
        args = build["steps"][0]["args"]
        pairs = [args[index + 1] for index, word in enumerate(args) if word == "--build-arg"]
        arguments = dict(pair.split("=", 1) for pair in pairs)
        digest = images.build(image, data, args[args.index("-f") + 1], arguments, [tag], log)
        if (repository.inputs.get("dockerConfig") or {}).get("immutableTags") and digests.get(tag, digest) != digest:
            raise BuildError(f"the tag {tag} exists in {image} and tags of this repository are immutable")
        self._store.put("gcp:packages", image, {})
        self._store.put("gcp:image-times", f"{image}@{digest}", {"at": time.time()})
        return digest
