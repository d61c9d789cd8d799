"""Storage accounts: their resource types, and the blob service at <account>.blob.core.windows.net."""

from __future__ import annotations

import email.utils
import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.sax.saxutils import escape

from sandbox.azure.calls import Call, Refused, Reply
from sandbox.azure.conditions import Facts
from sandbox.azure.handlers import ArmHandler
from sandbox.azure.identity import STORAGE
from sandbox.azure.rbac import BLOBS, CONTAINERS, Access
from sandbox.cloud import CloudError, Handler, Resource

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
SUFFIX = ".blob.core.windows.net"
_CONTAINER_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_PAGE = 5000
TASKS_HOST = f"acrtaskprodsandbox{SUFFIX}"
"""The storage account for the sources and logs of the registry's builds; accessible only with signed URLs."""


def bucket(account: str, container: str) -> str:
    """Return the bucket in the sandbox's store that holds a container's blobs."""
    return f"azure/{account}/{container}"


class Account(ArmHandler):
    """Microsoft.Storage/storageAccounts."""

    kind, limit, worldwide = "Microsoft.Storage/storageAccounts", r"[a-z0-9]{3,24}", True
    fixed = frozenset({"kind"})

    def add_computed(self, resource: Resource) -> None:
        name = resource.outputs["name"]
        resource.outputs["primaryEndpoints"] = {
            service: f"https://{name}.{service}.core.windows.net/" for service in ("blob", "queue", "table", "file")
        }


class Container(Handler):
    """Blob containers."""

    autoname = "containerName"
    replace_on = frozenset({"containerName", "accountName", "resourceGroupName"})

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        name, account = resource.inputs["containerName"], resource.inputs["accountName"]
        if not _CONTAINER_NAME.fullmatch(name):
            raise CloudError(f'Code="InvalidResourceName": "{name}" cannot name a container')
        owner = self.cloud.find(ACCOUNT, name=account)
        if owner is None:
            raise CloudError(f"Code=\"ResourceNotFound\": the storage account '{account}' was not found")
        resource.id = f"{owner.id}/blobServices/default/containers/{name}"
        resource.outputs |= {"name": name, "type": "Microsoft.Storage/storageAccounts/blobServices/containers"}
        self._set_metadata(resource)

    def update(self, _old: Resource, resource: Resource) -> None:
        self._set_metadata(resource)

    def _set_metadata(self, resource: Resource) -> None:
        """Check the metadata, and record the time of the change."""
        for key, value in (resource.inputs.get("metadata") or {}).items():
            if not key.isascii() or not key.isidentifier():
                raise CloudError(f'Code="InvalidMetadata": "{key}" is not an identifier of C#')
            if not value or not value.isascii() or value != value.strip():
                raise CloudError(f'Code="InvalidMetadata": the value of {key} is empty, padded or not ASCII')
        resource.outputs["lastModifiedTime"] = time.time()

    def delete(self, resource: Resource) -> None:
        self.cloud.kernel.store.drop_bucket(bucket(resource["accountName"], resource["name"]))


class Policy(Handler):
    """The lifecycle rules of an account."""

    autoname = "managementPolicyName"
    replace_on = frozenset({"managementPolicyName", "accountName", "resourceGroupName"})

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        if resource.inputs["managementPolicyName"] != "default":
            raise CloudError('Code="InvalidResourceName": the only name of a management policy is "default"')
        owner = self.cloud.find(ACCOUNT, name=resource.inputs["accountName"])
        if owner is None:
            raise CloudError('Code="ResourceNotFound": the storage account was not found')
        resource.id = f"{owner.id}/managementPolicies/default"
        resource.outputs |= {"name": "DefaultManagementPolicy"}


class Blobs:
    """Put, Get, List and properties of blobs, authorised by roles or, for build storage, by a signature."""

    def __init__(self, cloud: AzureCloud, access: Access) -> None:
        self._cloud, self._access, self._store = cloud, access, cloud.kernel.store

    def sign(self, key: str) -> str:
        """Return a signed URL of build storage, which works without a token."""
        signature = secrets.token_urlsafe(24)
        self._store.put("azure:signatures", signature, {"key": key})
        return f"https://{TASKS_HOST}/{key}?sv=2021-08-06&sr=b&sig={signature}"

    def serve(self, call: Call) -> Reply:
        """Answer a request to the blob service."""
        try:
            if call.host == TASKS_HOST:
                return self._serve_signed(call)
            return self._serve(call)
        except Refused as refused:
            text = f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>"
            body = f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()
            return Reply(refused.status, body, {"content-type": "application/xml", "x-ms-error-code": refused.code})

    def _serve_signed(self, call: Call) -> Reply:
        key = unquote(call.path).lstrip("/")
        signature = self._store.get("azure:signatures", call.query.get("sig", ""))
        if signature is None or signature["key"] != key:
            raise Refused(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        return self._object(call, "azure/tasks", key)

    def _serve(self, call: Call) -> Reply:
        account = self._cloud.find(ACCOUNT, name=call.host.removesuffix(SUFFIX))
        if account is None:
            raise Refused(404, "ResourceNotFound", "The specified account does not exist.")
        principal = self._cloud.tokens.principal(call, STORAGE)
        if not call.headers.get("x-ms-version"):
            raise Refused(400, "MissingRequiredHeader", "x-ms-version")
        name, _, key = unquote(call.path).lstrip("/").partition("/")
        if not name and call.method == "GET" and call.query.get("comp") == "list":
            return self._list_containers(call, account, principal)
        scope = f"{account.id}/blobServices/default/containers/{name}"
        if self._cloud.get(CONTAINER, scope) is None:
            raise Refused(404, "ContainerNotFound", "The specified container does not exist.")
        where = bucket(account["name"], name)
        if not key:
            if call.method != "GET" or call.query.get("comp") != "list":
                raise Refused(405, "UnsupportedHttpVerb", "The resource doesn't support the specified HTTP verb.")
            request = {"prefix": call.query.get("prefix", "")}
            facts = Facts(f"{BLOBS}/read", "Blob.List", {"name": name}, request)
            self._allow(principal, f"{BLOBS}/read", scope, facts)
            keys = self._store.list_blobs(where, call.query.get("prefix", ""))
            return _page("Blobs", [f"<Blob><Name>{escape(key)}</Name></Blob>" for key in keys], call.query)
        action = self._action(call, where, key)
        self._allow(principal, action, scope, Facts(action, resource={"path": key, "name": name}))
        return self._object(call, where, key)

    def _list_containers(self, call: Call, account: Resource, principal: str) -> Reply:
        """Answer List Containers. As on Azure, the permission is not a data action."""
        if not self._access.is_allowed(principal, f"{CONTAINERS}/read", account.id):
            raise _mismatch()
        items = []
        for container in sorted(self._cloud.resources(CONTAINER), key=lambda each: str(each["name"])):
            if container["accountName"] != account["name"] or not container["name"].startswith(
                call.query.get("prefix", "")
            ):
                continue
            changed = email.utils.formatdate(container["lastModifiedTime"], usegmt=True)
            properties = f"<Properties><Last-Modified>{changed}</Last-Modified></Properties>"
            pairs = (container.outputs.get("metadata") or {}).items() if call.query.get("include") == "metadata" else ()
            metadata = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in pairs)
            if pairs:
                properties += f"<Metadata>{metadata}</Metadata>"
            items.append(f"<Container><Name>{container['name']}</Name>{properties}</Container>")
        return _page("Containers", items, call.query)

    def _action(self, call: Call, where: str, key: str) -> str:
        if call.method in ("GET", "HEAD"):
            return f"{BLOBS}/read"
        if call.method == "DELETE":
            return f"{BLOBS}/delete"
        # Either permission is enough to put a new blob; replacing one needs the permission to write.
        return f"{BLOBS}/write" if self._store.get_blob(where, key) is not None else f"{BLOBS}/add/action"

    def _allow(self, principal: str, action: str, scope: str, facts: Facts) -> None:
        if not self._access.is_allowed(principal, action, scope, facts):
            raise _mismatch()

    def _object(self, call: Call, where: str, key: str) -> Reply:
        if call.method == "PUT":
            return self._put(call, where, key)
        data = self._store.get_blob(where, key)
        if data is None:
            raise Refused(404, "BlobNotFound", "The specified blob does not exist.")
        if call.method == "DELETE":
            self._store.delete_blob(where, key)
            return Reply(202)
        headers = {"content-type": "application/octet-stream", "etag": _etag(data)}
        if call.method == "HEAD":
            return Reply(200, b"", headers)
        start = call.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
        if start.isdigit():
            if int(start) >= len(data):
                raise Refused(416, "InvalidRange", "The range specified is invalid for the current size.")
            return Reply(206, data[int(start) :], headers)
        return Reply(200, data, headers)

    def _put(self, call: Call, where: str, key: str) -> Reply:
        if call.query.get("comp") in ("block", "blocklist"):
            return self._block(call, where, key)
        if call.headers.get("x-ms-blob-type") != "BlockBlob":
            raise Refused(400, "MissingRequiredHeader", "x-ms-blob-type")
        only_new = call.headers.get("if-none-match") == "*"
        if not self._store.put_blob(where, key, call.body, if_absent=only_new):
            raise Refused(409, "BlobAlreadyExists", "The specified blob already exists.")
        return Reply(
            201, b"", {"etag": _etag(call.body), "last-modified": email.utils.formatdate(time.time(), usegmt=True)}
        )

    def _block(self, call: Call, where: str, key: str) -> Reply:
        """Put a block of a blob, or the block list that completes the blob."""
        if call.query["comp"] == "block":
            self._store.put_blob(f"{where} blocks", f"{key}#{call.query['blockid']}", call.body)
            return Reply(201)
        names = re.findall(r"<Latest>([^<]+)</Latest>", call.body.decode())
        blocks = [self._store.get_blob(f"{where} blocks", f"{key}#{name}") for name in names]
        if not blocks or None in blocks:
            raise Refused(400, "InvalidBlockList", "The specified block list is invalid.")
        self._store.put_blob(where, key, b"".join(block for block in blocks if block is not None))
        return Reply(201)


def _page(element: str, items: list[str], query: Mapping[str, str]) -> Reply:
    """Return a page of a list. The marker of the next page is the number of its first item."""
    begin, size = int(query.get("marker") or 0), int(query.get("maxresults") or _PAGE)
    end = begin + size
    marker = f"<NextMarker>{end}</NextMarker>" if end < len(items) else "<NextMarker />"
    listed = f"<{element}>{''.join(items[begin:end])}</{element}>"
    prefix = f"<Prefix>{escape(query.get('prefix', ''))}</Prefix>"
    body = f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults>{prefix}{listed}{marker}</EnumerationResults>'
    return Reply(200, body.encode(), {"content-type": "application/xml"})


def _mismatch() -> Refused:
    return Refused(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation.")


def _etag(data: bytes) -> str:
    return f'"0x{hashlib.sha256(data).hexdigest()[:15].upper()}"'
