"""S3: buckets, and the REST API of objects with the bucket in the host name (BUCKET.s3.REGION...) or in the path."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from sandbox.aws.calls import Call, Refused, Reply, s3_error, xml
from sandbox.aws.handlers import AwsHandler
from sandbox.aws.iam import Caller
from sandbox.cloud import CloudError, Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

BUCKET = "aws:s3/bucket:Bucket"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?P<region>[a-z0-9-]+))?\.amazonaws\.com")
_NAME = r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3)$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]"
_PAGE = 1000
_METADATA = "x-amz-meta-"
_RECORDS = "aws:objects"


def store(bucket: str) -> str:
    """Return the bucket in the sandbox's store that holds an S3 bucket's objects."""
    return f"aws/{bucket}"


def owns(host: str) -> bool:
    """Return whether a host is S3's."""
    return _HOST.fullmatch(host) is not None


class Bucket(AwsHandler):
    """Buckets, whose names are globally unique."""

    named, limit = "bucket", _NAME

    def add_computed(self, resource: Resource) -> None:
        name, region = resource.id, resource.outputs["region"]
        resource.outputs |= {
            "arn": f"arn:aws:s3:::{name}",
            "bucketDomainName": f"{name}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        }

    def delete(self, resource: Resource) -> None:
        blobs = self.cloud.kernel.store
        if blobs.list_blobs(store(resource.id)) and not resource.outputs.get("forceDestroy"):
            raise CloudError(f"BucketNotEmpty: The bucket {resource.id} you tried to delete is not empty")
        blobs.drop_bucket(store(resource.id))
        for key in blobs.all(_RECORDS, f"{store(resource.id)}/"):
            blobs.delete(_RECORDS, key)


class OfBucket(AwsHandler):
    """Settings of a bucket, whose id is the bucket's name."""

    named, refers = None, {"bucket": BUCKET}

    def create(self, resource: Resource) -> None:
        self.cloud.require(BUCKET, resource.inputs["bucket"])
        resource.id = resource.inputs["bucket"]
        self.complete_outputs(resource)


class Object(AwsHandler):
    """Objects that the program creates."""

    named = "key"

    def create(self, resource: Resource) -> None:
        self.cloud.require(BUCKET, resource.inputs["bucket"])
        resource.id = f"{resource.inputs['bucket']}/{resource.inputs['key']}"
        self.complete_outputs(resource)

    def add_computed(self, resource: Resource) -> None:
        inputs = resource.inputs
        if len(inputs["key"].encode()) > 1024:
            raise CloudError("KeyTooLongError: Your key is too long")
        if len(inputs.get("tags") or {}) > 10:
            raise CloudError("BadRequest: Object tags cannot be greater than 10")
        data = str(inputs.get("content") or "").encode()
        put(self.cloud, inputs["bucket"], inputs["key"], data)
        resource.outputs |= {
            "arn": f"arn:aws:s3:::{resource.id}",
            "etag": _etag(data).strip('"'),
            "versionId": "",
        }

    def delete(self, resource: Resource) -> None:
        remove(self.cloud, resource["bucket"], resource["key"])


def put(
    cloud: AwsCloud, bucket: str, key: str, data: bytes, metadata: Mapping[str, str] | None = None, new: bool = False
) -> bool:
    """Write an object with its time; with `new`, return False instead of replacing one."""
    if not cloud.kernel.store.put_blob(store(bucket), key, data, if_absent=new):
        return False
    # S3 records whole seconds.
    record = {"headers": dict(metadata or {}), "modified": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())}
    cloud.kernel.store.put(_RECORDS, f"{store(bucket)}/{key}", record)
    return True


def remove(cloud: AwsCloud, bucket: str, key: str) -> None:
    """Delete an object; do nothing if there is none."""
    cloud.kernel.store.delete_blob(store(bucket), key)
    cloud.kernel.store.delete(_RECORDS, f"{store(bucket)}/{key}")


class Objects:
    """The operations Put, Get, Head, Delete and ListObjectsV2."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def serve(self, call: Call) -> Reply:
        """Answer a request to S3."""
        try:
            return self._serve(call)
        except Refused as refused:
            code = "AccessDenied" if refused.code == "AccessDeniedException" else refused.code
            answer = s3_error(Refused(refused.status, code, str(refused)))
            return Reply(answer.status, b"" if call.method == "HEAD" else answer.body, answer.headers)

    def _serve(self, call: Call) -> Reply:
        caller = self._cloud.access.caller(call)
        host = _HOST.fullmatch(call.host)
        assert host is not None
        name, _, key = ([host["bucket"], "", call.path[1:]]) if host["bucket"] else call.path[1:].partition("/")
        bucket = self._cloud.get(BUCKET, name)
        if bucket is None:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist")
        if host["region"] and host["region"] != bucket["region"]:
            raise Refused(301, "PermanentRedirect", f"The bucket is in {bucket['region']}")
        if not key:
            return self._list(call, caller, bucket)
        return self._object(call, caller, bucket, key)

    def _demand(self, caller: Caller, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        self._cloud.access.demand(caller, action, resource, context)

    def _object(self, call: Call, caller: Caller, bucket: Resource, key: str) -> Reply:
        where, arn = store(bucket.id), f"{bucket['arn']}/{key}"
        if call.method == "PUT":
            condition = call.headers.get("if-none-match")
            self._demand(caller, "s3:PutObject", arn, {"s3:if-none-match": condition} if condition else {})
            if condition not in (None, "*"):
                raise Refused(
                    501, "NotImplemented", "A header you provided implies functionality that is not implemented"
                )
            body = _unwrap(call)
            named = {name: value for name, value in call.headers.items() if name.startswith(_METADATA)}
            if not put(self._cloud, bucket.id, key, body, named, new=condition == "*"):
                raise Refused(
                    412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
                )
            return Reply(200, b"", {"etag": _etag(body)})
        if call.method == "DELETE":
            self._demand(caller, "s3:DeleteObject", arn)
            remove(self._cloud, bucket.id, key)
            return Reply(204)
        if call.method not in ("GET", "HEAD"):
            raise Refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        self._demand(caller, "s3:GetObject", arn)
        data = self._store.get_blob(where, key)
        if data is None:
            # A caller without permission to list does not learn whether the object exists.
            listing = self._cloud.access.is_allowed(caller.name, "s3:ListBucket", bucket["arn"], {"s3:prefix": key})
            raise (
                Refused(404, "NoSuchKey", "The specified key does not exist.")
                if listing
                else Refused(403, "AccessDenied", "Access Denied")
            )
        headers = {"etag": _etag(data), "content-type": "binary/octet-stream"}
        headers |= self._record(bucket, key)["headers"]
        return Reply(200, b"" if call.method == "HEAD" else data, headers)

    def _record(self, bucket: Resource, key: str) -> dict[str, Any]:
        return self._store.get(_RECORDS, f"{store(bucket.id)}/{key}") or {"headers": {}, "modified": ""}

    def _list(self, call: Call, caller: Caller, bucket: Resource) -> Reply:
        if call.method == "HEAD":
            self._demand(caller, "s3:ListBucket", bucket["arn"])
            return Reply(200)
        if call.method != "GET" or call.query.get("list-type") != "2":
            raise Refused(501, "NotImplemented", "the sandbox lists buckets by ListObjectsV2 only")
        prefix = call.query.get("prefix", "")
        self._demand(caller, "s3:ListBucket", bucket["arn"], {"s3:prefix": prefix} if "prefix" in call.query else {})
        after = call.query.get("continuation-token") or call.query.get("start-after") or ""
        keys = [key for key in self._store.list_blobs(store(bucket.id), prefix) if key > after]
        page = keys[: min(_PAGE, int(call.query.get("max-keys") or _PAGE))]
        more = len(page) < len(keys)
        parts = [f"<Name>{bucket.id}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"]
        parts.append(f"<MaxKeys>{_PAGE}</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>")
        if more:
            parts.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
        for key in page:
            size, modified = (
                len(self._store.get_blob(store(bucket.id), key) or b""),
                self._record(bucket, key)["modified"],
            )
            parts.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{modified}</LastModified><Size>{size}</Size></Contents>"
            )
        return xml(
            f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{"".join(parts)}</ListBucketResult>'
        )


def _unwrap(call: Call) -> bytes:
    """Return the object in a request's body, joining the chunks of aws-chunked. Raises Refused for a wrong checksum."""
    body = call.body
    if "aws-chunked" in call.headers.get("content-encoding", ""):
        body, remaining = b"", call.body
        while True:
            head, _, remaining = remaining.partition(b"\r\n")
            size = int(head.split(b";")[0], 16)
            if not size:
                break
            body, remaining = body + remaining[:size], remaining[size + 2 :]
    expected = call.headers.get("content-md5")
    if expected and base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode() != expected:
        raise Refused(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
    return body


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
