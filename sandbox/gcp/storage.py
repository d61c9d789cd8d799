"""Cloud Storage: buckets and objects as resources, and the JSON API at storage.googleapis.com."""

from __future__ import annotations

import hashlib
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.cloud import CloudError, Handler, Resource
from sandbox.gcp.conditions import Facts
from sandbox.gcp.handlers import GcpHandler
from sandbox.values import pack

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

BUCKET = "gcp:storage/bucket:Bucket"
OBJECT = "gcp:storage/bucketObject:BucketObject"
HOST = "storage.googleapis.com"
_UPDATED = "gcp:object-times"
_MAX_PAGE = 1000
_PATH = re.compile(r"/(?P<upload>upload/)?storage/v1/b/(?P<bucket>[^/]+)/o(?:/(?P<object>.+))?")


class Bucket(GcpHandler):
    """Buckets, whose names are globally unique."""

    autoname, service = "name", "storage"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        name = resource.inputs["name"]
        self.set_name(resource, name, r"(?!goog)[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]", name)
        self.add_labels(resource)
        resource.outputs |= {
            "url": f"gs://{name}",
            "project": self.cloud.project,
            "selfLink": f"https://{HOST}/b/{name}",
        }

    def update(self, _old: Resource, resource: Resource) -> None:
        self.add_labels(resource)

    def delete(self, resource: Resource) -> None:
        store = self.cloud.kernel.store
        if store.list_blobs(f"gcp/{resource.id}") and not resource.inputs.get("forceDestroy"):
            raise CloudError(f"Error trying to delete bucket {resource.id} containing objects without `force_destroy`")
        store.drop_bucket(f"gcp/{resource.id}")


class Object(Handler):
    """Objects that the program uploads as resources."""

    autoname = "name"

    def __init__(self, cloud: GcpCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        bucket, name = resource.inputs["bucket"], resource.inputs["name"]
        if len(name.encode()) > 1024:
            raise CloudError("googleapi: Error 400: The specified object name is too long., invalid")
        if self.cloud.get(BUCKET, bucket) is None:
            raise CloudError(f"googleapi: Error 404: The specified bucket {bucket} does not exist., notFound")
        source = resource.inputs.get("source")
        data = pack(source) if isinstance(source, dict) else source or resource.inputs["content"].encode()
        put_object(self.cloud, bucket, name, data)
        resource.id = f"{bucket}-{name}"
        resource.outputs |= {
            "outputName": name,
            "generation": int(time.time() * 1e6),
            "md5hash": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "selfLink": f"https://{HOST}/storage/v1/b/{bucket}/o/{name}",
        }

    def delete(self, resource: Resource) -> None:
        self.cloud.kernel.store.delete_blob(f"gcp/{resource['bucket']}", resource["name"])


def put_object(cloud: GcpCloud, bucket: str, name: str, data: bytes, if_absent: bool = False) -> bool:
    """Write an object with its time; with `if_absent`, return False instead of replacing one."""
    if not cloud.kernel.store.put_blob(f"gcp/{bucket}", name, data, if_absent):
        return False
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    cloud.kernel.store.put(_UPDATED, f"{bucket}/{name}", {"updated": now})
    return True


class Objects:
    """The JSON API's methods to upload, list and get objects."""

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def serve(self, call: Call, principal: str) -> Reply:
        """Answer a request. Raises Refused."""
        match = _PATH.fullmatch(call.path)
        if match is None:
            raise Refused(404, "NOT_FOUND", f"{call.path} is not served")
        bucket = match["bucket"]
        if self._cloud.get(BUCKET, bucket) is None:
            raise Refused(404, "NOT_FOUND", "The specified bucket does not exist.")
        if match["upload"] and call.method == "POST":
            return self._upload(call, principal, bucket)
        if call.method == "GET" and match["object"]:
            return self._get(call, principal, bucket, match["object"])
        if call.method == "GET":
            return self._list(call, principal, bucket)
        raise Refused(405, "METHOD_NOT_ALLOWED", f"{call.method} is not served")

    def _require(self, principal: str, permission: str, bucket: str, name: str) -> None:
        facts = Facts(f"projects/_/buckets/{bucket}/objects/{name}", "storage.googleapis.com/Object")
        self._cloud.access.require(principal, permission, f"buckets/{bucket}", facts)

    def _upload(self, call: Call, principal: str, bucket: str) -> Reply:
        name, generation = call.query.get("name", ""), call.query.get("ifGenerationMatch")
        if call.query.get("uploadType") != "media" or not name:
            raise Refused(400, "INVALID_ARGUMENT", "the sandbox takes uploadType=media with a name")
        self._require(principal, "storage.objects.create", bucket, name)
        there = self._store.get_blob(f"gcp/{bucket}", name) is not None
        if there and generation == "0":
            raise Refused(412, "PRECONDITION_FAILED", "At least one of the pre-conditions you specified did not hold.")
        if there:  # overwriting is deleting and creating
            self._require(principal, "storage.objects.delete", bucket, name)
        if not put_object(self._cloud, bucket, name, call.body, if_absent=generation == "0"):
            raise Refused(412, "PRECONDITION_FAILED", "At least one of the pre-conditions you specified did not hold.")
        return reply({"kind": "storage#object", "name": name, "bucket": bucket, "size": str(len(call.body))})

    def _get(self, call: Call, principal: str, bucket: str, name: str) -> Reply:
        self._require(principal, "storage.objects.get", bucket, name)
        data = self._store.get_blob(f"gcp/{bucket}", name)
        if data is None:
            raise Refused(404, "NOT_FOUND", f"No such object: {bucket}/{name}")
        if call.query.get("alt") == "media":
            return Reply(200, data, {"content-type": "application/octet-stream"})
        return reply({"kind": "storage#object", "name": name, "bucket": bucket, "size": str(len(data))})

    def _list(self, call: Call, principal: str, bucket: str) -> Reply:
        prefix = call.query.get("prefix", "")
        facts = Facts(
            f"projects/_/buckets/{bucket}",
            "storage.googleapis.com/Bucket",
            attributes={"storage.googleapis.com/objectListPrefix": prefix},
        )
        self._cloud.access.require(principal, "storage.objects.list", f"buckets/{bucket}", facts)
        if call.query.get("fields", "items(name,updated),nextPageToken") != "items(name,updated),nextPageToken":
            raise Refused(400, "INVALID_ARGUMENT", "the sandbox returns the fields items(name,updated),nextPageToken")
        names = self._store.list_blobs(f"gcp/{bucket}", prefix)
        size = min(int(call.query.get("maxResults") or _MAX_PAGE), _MAX_PAGE)
        start = int(call.query.get("pageToken") or 0)
        items: list[dict[str, Any]] = [
            {"name": name, **(self._store.get(_UPDATED, f"{bucket}/{name}") or {})}
            for name in names[start : start + size]
        ]
        more = {"nextPageToken": str(start + size)} if start + size < len(names) else {}
        return reply({**({"items": items} if items else {}), **more})
