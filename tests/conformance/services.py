"""The storage services that the claim-store cases run against: the sandbox's, moto, fake-gcs-server and Azurite."""

from __future__ import annotations

import base64
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp

from providers.aws import roles as aws_roles
from providers.azure import roles as azure_roles
from sandbox.aws import s3
from sandbox.azure import storage as blobs
from sandbox.azure.identity import STORAGE
from sandbox.gcp import storage as gcs
from tests.conformance.relay import Relay
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.azure.cloud import PLACE, Azure
from tests.sandbox.azure.function import TRIGGER_ROLE, make_trigger_role
from tests.sandbox.gcp.cloud import Google
from trigger.table import Row

BUCKET, REGION = "bucket", "us-east-1"
BLOB_HOST = "storeaccount.blob.core.windows.net"
HOSTS = {"aws": f"{BUCKET}.s3.{REGION}.amazonaws.com", "gcp": "storage.googleapis.com", "azure": BLOB_HOST}
_KEYS = {"AWS_ACCESS_KEY_ID": "ASIAX", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "session"}


class Service(ABC):
    """One cloud's object storage. It has an empty bucket, or an account without containers."""

    cloud: ClassVar[str]
    app: ASGIApp
    token = "token"
    keys: Mapping[str, str] = _KEYS
    page = ""
    """A query that makes pages smaller than the service's own."""
    pages = 2
    """The number of pages of 1,050 claims."""

    @abstractmethod
    def put_row(self, row: Row) -> None:
        """Write a row as the program's resources do."""

    @abstractmethod
    def fill(self, node: str, names: list[str]) -> None:
        """Create a node's claims, without the trigger."""

    def add_node(self, node: str) -> None:  # noqa: B027 - only Azure has a container for each node
        """Create what a node needs before its first claim."""


class SandboxS3(Service):
    """The sandbox's S3, with the trigger's role."""

    cloud = "aws"

    def __init__(self, aws: Aws) -> None:
        self._aws, self.app = aws, aws.cloud.app
        bucket = aws.make(s3.BUCKET, "bucket", bucket=BUCKET, forceDestroy=True)
        policy = aws_roles.build_trigger_policy("arn:aws:logs:x", bucket["arn"], "arn:aws:batch:d", ["arn:aws:batch:q"])
        role = aws.role("trigger", "lambda.amazonaws.com", policy)
        self.keys = aws.cloud.access.session(role["arn"], "trigger")

    def put_row(self, row: Row) -> None:
        self._aws.make(s3.OBJECT, row.node, bucket=BUCKET, key=f"table/{row.write_key()}")

    def fill(self, node: str, names: list[str]) -> None:
        for name in names:
            s3.put(self._aws.cloud, BUCKET, f"claims/{node}/{name}", b"{}")


class SandboxStorage(Service):
    """The sandbox's Cloud Storage, with the trigger's role."""

    cloud = "gcp"

    def __init__(self, google: Google) -> None:
        self._google, self.app = google, google.cloud.app
        account = google.account("trigger")
        google.grant_bucket(account, google.bucket(BUCKET))
        self.token = google.token(account)

    def put_row(self, row: Row) -> None:
        gcs.put_object(self._google.cloud, BUCKET, f"table/{row.write_key()}", b"")

    def fill(self, node: str, names: list[str]) -> None:
        for name in names:
            gcs.put_object(self._google.cloud, BUCKET, f"claims/{node}/{name}", b"{}")


class SandboxBlobs(Service):
    """The sandbox's blob service, with the trigger's role."""

    cloud, page, pages = "azure", "maxresults=400", 3

    def __init__(self, azure: Azure) -> None:
        self._azure, self.app = azure, azure.cloud.app
        name = BLOB_HOST.partition(".")[0]
        self._account = azure.make(
            blobs.ACCOUNT, name, accountName=name, **PLACE, kind="StorageV2", sku={"name": "Standard_LRS"}
        )
        make_trigger_role(azure)
        identity = azure.identity("trigger")
        group = self._account.id.split("/providers/")[0]
        azure.grant(identity, TRIGGER_ROLE, group, azure_roles.TRIGGER_CONDITION)
        self.token = azure.token(identity, STORAGE)

    def put_row(self, row: Row) -> None:
        container = self._azure.container(self._account, f"claims-{row.node}")
        self._azure.change(container, metadata=_write_metadata(row))

    def fill(self, node: str, names: list[str]) -> None:
        for name in names:
            self._azure.cloud.kernel.store.put_blob(blobs.bucket(self._account["name"], f"claims-{node}"), name, b"{}")

    def add_node(self, node: str) -> None:
        self._azure.container(self._account, f"claims-{node}")


class Independent(Service):
    """A server on loopback that another project has written."""

    scheme: ClassVar[str] = "http"

    def __init__(self, port: int) -> None:
        self.app = Relay(port, self.scheme)
        self._client = httpx.Client(base_url=f"{self.scheme}://127.0.0.1:{port}", verify=False, trust_env=False)  # noqa: S501

    def _send(self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        answer = self._client.request(
            method, path, content=content, headers={"host": HOSTS[self.cloud], **(headers or {})}
        )
        assert answer.status_code in (200, 201), answer.text


class Moto(Independent):
    """moto's S3. It does not check signatures, which tests/trigger/test_aws.py compares with AWS's and botocore's."""

    cloud = "aws"
    _scope = f"Credential=ASIAX/20260101/{REGION}/s3/aws4_request"
    _headers: ClassVar[Mapping[str, str]] = {
        "authorization": f"AWS4-HMAC-SHA256 {_scope}, SignedHeaders=host, Signature=x"
    }

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._send("PUT", "/", headers=self._headers)

    def put_row(self, row: Row) -> None:
        self._send("PUT", f"/{quote('table/' + row.write_key())}", headers=self._headers)

    def fill(self, node: str, names: list[str]) -> None:
        for name in names:
            self._send("PUT", f"/claims/{node}/{name}", b"{}", self._headers)


class FakeGcsServer(Independent):
    """fake-gcs-server. It does not check tokens, and lists everything at once unless it is asked for less."""

    cloud, page, pages = "gcp", "maxResults=400", 3

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._send("POST", "/storage/v1/b?project=p", json.dumps({"name": BUCKET}).encode())

    def put_row(self, row: Row) -> None:
        self._upload(f"table/{row.write_key()}", b"")

    def fill(self, node: str, names: list[str]) -> None:
        for name in names:
            self._upload(f"claims/{node}/{name}", b"{}")

    def _upload(self, name: str, content: bytes) -> None:
        self._send("POST", f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(name, safe='')}", content)


class Azurite(Independent):
    """Azurite. It checks the claims of tokens, but not their signature, and knows no roles."""

    cloud, scheme, page, pages = "azure", "https", "maxresults=400", 3

    def __init__(self, port: int) -> None:
        super().__init__(port)
        now = int(time.time())
        claims = {"aud": STORAGE, "iss": "https://sts.windows.net/tenant/", "iat": now, "nbf": now, "exp": now + 3600}
        parts = [_encode({"alg": "RS256", "typ": "JWT"}), _encode(claims), "signature"]
        self.token = ".".join(parts)

    def put_row(self, row: Row) -> None:
        self._create(row.node, {f"x-ms-meta-{name}": value for name, value in _write_metadata(row).items()})

    def fill(self, node: str, names: list[str]) -> None:
        for name in names:
            self._put(f"/claims-{node}/{name}", {"x-ms-blob-type": "BlockBlob"}, b"{}")

    def add_node(self, node: str) -> None:
        self._create(node, {})

    def _create(self, node: str, metadata: Mapping[str, str]) -> None:
        self._put(f"/claims-{node}?restype=container", metadata)

    def _put(self, path: str, headers: Mapping[str, str], content: bytes = b"") -> None:
        self._send(
            "PUT", path, content, {"authorization": f"Bearer {self.token}", "x-ms-version": "2023-11-03", **headers}
        )


def _encode(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _write_metadata(row: Row) -> dict[str, str]:
    return {name: value for name, value in row._asdict().items() if value}
