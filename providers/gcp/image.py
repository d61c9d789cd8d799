"""A node's image, built by Cloud Build in the user's own project: no Docker on the user's machine.

The source goes to the cluster's bucket, the build pushes to the cluster's repository under a tag that stands for the
source, and the digest is read from the build's result.
"""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import quote

import httpx
import pulumi
import tenacity

from nodefile import Node
from providers.build import BuildFailed, ImageBuildProvider, build_arguments, context_of, source_inputs
from providers.build import ImageBuild as SharedBuild
from providers.contract import TYPE_PREFIX, Stack
from providers.gcp.cluster import Cluster
from providers.gcp.login import login
from providers.local_build import build_image

_BUILDER = "gcr.io/cloud-builders/docker"
_MAX_SECONDS = 3600
_ENDED = frozenset({"FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"})
_LAST_LINES = 30
_LOG_SECONDS = 10.0
_ENTRIES = "https://logging.googleapis.com/v2/entries:list"


class CloudBuildProvider(ImageBuildProvider):
    """Uploads to the bucket, creates a build, follows it."""

    poll_seconds = 3.0

    def upload(self, props: dict[str, Any], name: str, archive: bytes) -> str:
        key = f"source/images/{props['node']}/{name}"
        objects = f"https://storage.googleapis.com/upload/storage/v1/b/{props['bucket']}/o"
        url = f"{objects}?uploadType=media&name={quote(key, safe='')}"
        _call(props, "POST", url, content=archive, headers={"Content-Type": "application/gzip"})
        return key

    def start(self, props: dict[str, Any], source: str) -> str:
        # Another tag for each build: tags are immutable here, and a node that was removed and comes back, or whose
        # build is forced, has the source of an image that exists.
        image = f"{props['repository']}:{props['tag']}-{secrets.token_hex(3)}"
        arguments = [
            part for name, value in sorted(props["arguments"].items()) for part in ("--build-arg", f"{name}={value}")
        ]
        dockerfile = context_of(props).dockerfile_name
        build = {
            "source": {"storageSource": {"bucket": props["bucket"], "object": source}},
            "steps": [
                {
                    "name": _BUILDER,
                    "env": ["DOCKER_BUILDKIT=1"],
                    "args": ["build", "--platform", props["platform"], "-f", dockerfile, "-t", image, *arguments, "."],
                }
            ],
            "images": [image],
            "serviceAccount": f"projects/{props['project']}/serviceAccounts/{props['builder']}",
            # Named, since a build with an account of its own is refused without.
            "options": {"logging": "CLOUD_LOGGING_ONLY"},
            "timeout": f"{_MAX_SECONDS}s",
            "tags": [f"node-{props['node']}"],
        }
        answer = _call(props, "POST", f"{_builds(props)}", json=build)
        return str(answer["metadata"]["build"]["id"])

    def watch(self, props: dict[str, Any], build_id: str) -> str:
        log, deadline = _Log(props, build_id), time.monotonic() + _MAX_SECONDS + 600
        while time.monotonic() < deadline:
            build = _call(props, "GET", f"{_builds(props)}/{build_id}")
            log.follow(time.monotonic())
            if build["status"] == "SUCCESS":
                log.finish()
                return _digest(props, build)
            if build["status"] in _ENDED:
                reason = (build.get("failureInfo") or {}).get("detail") or build.get("statusDetail") or build["status"]
                raise BuildFailed(
                    f"the build of {props['node']} ended: {reason}\n{log.tail()}\nIts log: {build.get('logUrl', '')}"
                )
            time.sleep(self.poll_seconds)
        raise BuildFailed(f"the build of {props['node']} took longer than {_MAX_SECONDS // 60} minutes")


def _builds(props: dict[str, Any]) -> str:
    return f"https://cloudbuild.googleapis.com/v1/projects/{props['project']}/locations/{props['region']}/builds"


def _digest(props: dict[str, Any], build: dict[str, Any]) -> str:
    for image in (build.get("results") or {}).get("images") or []:
        if image.get("digest"):
            return str(image["digest"])
    raise BuildFailed(f"the build of {props['node']} succeeded but names no image; run `pulumi up` again")


class _TransientError(Exception):
    """Worth another try; carries the sentence."""


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(_TransientError),
    wait=tenacity.wait_random_exponential(multiplier=1, max=20),
    stop=tenacity.stop_after_attempt(8),
    reraise=True,
)
def _try(props: dict[str, Any], method: str, url: str, **arguments: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {props['token']}", **arguments.pop("headers", {})}
    where = f"{method} {url.split('?')[0]}"
    try:
        answer = httpx.request(method, url, headers=headers, timeout=600, **arguments)
    except httpx.HTTPError as error:
        raise _TransientError(f"{where}: no answer ({error})") from error
    if answer.status_code == 429 or answer.status_code >= 500:
        raise _TransientError(f"{where}: HTTP {answer.status_code}")
    # A minutes-old account or service is not known everywhere yet.
    if answer.status_code in (400, 403) and ("SERVICE_DISABLED" in answer.text or "does not exist" in answer.text):
        raise _TransientError(f"{where}: HTTP {answer.status_code} {_message(answer)}")
    return answer


def _call(props: dict[str, Any], method: str, url: str, **arguments: Any) -> dict[str, Any]:
    what = f"the build of {props['node']} could not be made"
    try:
        answer = _try(props, method, url, **arguments)
    except _TransientError as error:
        raise BuildFailed(f"{what}: {error}. Run `pulumi up` again in a minute.") from error
    if answer.status_code >= 400:
        hint = ""
        if "quota restrictions" in answer.text:
            hint = " Google lets new projects build in some regions only: us-central1 is one; others take a request."
        where = f"{method} {url.split('?')[0]}"
        raise BuildFailed(f"{what}: {where} answered {answer.status_code} {_message(answer)}{hint}")
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]


class _Log:
    """The build's log from Cloud Logging, entry by entry; a log that cannot be read never fails a build."""

    def __init__(self, props: dict[str, Any], build: str) -> None:
        self._props, self._lines, self._seen = props, list[str](), set[str]()
        self._filter = f'resource.type="build" AND resource.labels.build_id="{build}"'
        self._since, self._next = "", 0.0

    def follow(self, now: float) -> None:
        """Print what is new, unless it was looked at a moment ago: a project may read its logs once a second."""
        if now >= self._next:
            self._next = now + _LOG_SECONDS
            self._read()

    def _read(self) -> None:
        wanted = f'{self._filter} AND timestamp>="{self._since}"' if self._since else self._filter
        body = {
            "resourceNames": [f"projects/{self._props['project']}"],
            "filter": wanted,
            "orderBy": "timestamp asc",
            "pageSize": 1000,
        }
        headers = {"Authorization": f"Bearer {self._props['token']}"}
        try:
            answer = httpx.post(_ENTRIES, json=body, headers=headers, timeout=30)
            entries = answer.json().get("entries", []) if answer.status_code == 200 else []
        except (httpx.HTTPError, ValueError):
            return
        for entry in entries:
            self._since = entry.get("timestamp", self._since)
            if entry.get("insertId") not in self._seen and entry.get("textPayload"):
                self._seen.add(entry.get("insertId"))
                self._lines.append(entry["textPayload"])
                print(f"{self._props['node']}: {entry['textPayload']}", flush=True)

    def finish(self) -> None:
        """Print what came last."""
        self._read()

    def tail(self) -> str:
        """The last lines, read once more."""
        self._read()
        return "\n".join(self._lines[-_LAST_LINES:])


def repository(node: Node, cluster: Cluster) -> pulumi.Output[str]:
    """A node's place in the cluster's repository."""
    return pulumi.Output.concat(cluster.images_url, "/", node.name)


class ImageBuild(SharedBuild, module="prediction-nodes", name="ImageBuild"):
    """A node's build in the cluster's repository."""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions) -> None:
        props = {
            **source_inputs(node),
            "repository": repository(node, cluster),
            "bucket": cluster.bucket.name,
            "project": cluster.project,
            "region": cluster.region,
            "builder": cluster.builder.email,
            "arguments": build_arguments(node, stack.model_ids[node.name]),
            "token": cluster.token,
        }
        super().__init__(node.name, CloudBuildProvider(), props, opts)


class Image(pulumi.ComponentResource):
    """The image of one node in the cluster's repository."""

    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:gcp:Image", node.name, None, opts)
        if node.build.docker:
            own = pulumi.ResourceOptions(parent=self)
            self.image = build_image(node, repository(node, cluster), login(cluster), stack, own)
        else:
            own = pulumi.ResourceOptions(parent=self, depends_on=cluster.builder_grants)
            self.image = ImageBuild(node, cluster, stack, own).image
        self.register_outputs({"image": self.image})
