"""The storage services that the claim-store cases run against: the sandbox's, moto, fake-gcs-server and Azurite."""

from __future__ import annotations

import base64
import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import httpx
import trustme
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from providers.aws import roles as aws_roles
from providers.azure import roles as azure_roles
from sandbox.aws import s3
from sandbox.aws.cloud import AwsCloud
from sandbox.azure import storage as blobs
from sandbox.azure.cloud import AzureCloud
from sandbox.azure.identity import STORAGE
from sandbox.gcp import storage as gcs
from sandbox.gcp.cloud import GcpCloud
from sandbox.network import Network
from tests.conformance import installed
from tests.conformance.relay import Faulty, Relay
from tests.descriptions.every import Checked
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.azure.cloud import PLACE, Azure
from tests.sandbox.azure.function import TRIGGER_ROLE, make_trigger_role
from tests.sandbox.fixtures import open_kernel
from tests.sandbox.gcp.cloud import Google
from tests.sandbox.networked import gateway
from trigger.core import Row

BUCKET, REGION = "bucket", "us-east-1"
BLOB_HOST = "storeaccount.blob.core.windows.net"
HOSTS = {"aws": f"{BUCKET}.s3.{REGION}.amazonaws.com", "gcp": "storage.googleapis.com", "azure": BLOB_HOST}
IDENTITY = "169.254.131.2"
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


@contextmanager
def open_sandbox(cloud: str, folder: Path) -> Iterator[Service]:
    """Open the sandbox's storage of a cloud, in this process."""
    network = Network(9, folder / "ca.pem")
    with open_kernel(folder, folder / "environments") as kernel:
        if cloud == "aws":
            yield SandboxS3(Aws(AwsCloud(kernel), network))
        elif cloud == "gcp":
            yield SandboxStorage(Google(GcpCloud(kernel), network))
        else:
            yield SandboxBlobs(Azure(AzureCloud(kernel), network))


@contextmanager
def open_moto(folder: Path) -> Iterator[Service]:
    """Start moto's server."""
    installed.require(installed.MOTO)
    port = installed.find_port()
    with installed.run([str(installed.MOTO), "-H", "127.0.0.1", "-p", str(port)], port, folder):
        yield Moto(port)


@contextmanager
def open_fake_gcs_server(folder: Path) -> Iterator[Service]:
    """Start fake-gcs-server."""
    installed.require(installed.FAKE_GCS_SERVER)
    port = installed.find_port()
    options = ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    with installed.run([str(installed.FAKE_GCS_SERVER), *options, "-log-level", "error"], port, folder):
        yield FakeGcsServer(port)


@contextmanager
def open_azurite(folder: Path) -> Iterator[Service]:
    """Start Azurite, which takes tokens over TLS only."""
    installed.require(installed.AZURITE)
    port = installed.find_port()
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    account = f"{BLOB_HOST.partition('.')[0]}:{base64.b64encode(secrets.token_bytes(64)).decode()}"
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
    options += ["--oauth", "basic", "--cert", "cert.pem", "--key", "key.pem", "--disableTelemetry"]
    command = [installed.find_node(), str(installed.AZURITE), *options, "--inMemoryPersistence"]
    with installed.run(command, port, folder, {"AZURITE_ACCOUNTS": account}):
        yield Azurite(port)


OPENERS: dict[str, Callable[[Path], AbstractContextManager[Service]]] = {
    "sandbox-aws": lambda folder: open_sandbox("aws", folder),
    "moto": open_moto,
    "sandbox-gcp": lambda folder: open_sandbox("gcp", folder),
    "fake-gcs-server": open_fake_gcs_server,
    "sandbox-azure": lambda folder: open_sandbox("azure", folder),
    "azurite": open_azurite,
}


class Stage:
    """A service behind the host names of its cloud, and the environment of a function that uses it."""

    def __init__(self, service: Service, faulty: Faulty, network: Network) -> None:
        self.service, self._faulty = service, faulty
        self.environ = {
            **network.environment("trigger"),
            **service.keys,
            "CLAIMS_BUCKET": BUCKET,
            "AWS_REGION": REGION,
            "CLAIMS_URL": f"https://{BLOB_HOST}/",
            "IDENTITY_ENDPOINT": f"http://{IDENTITY}/msi/token",
            "IDENTITY_HEADER": "header",
        }

    def order(self, *faults: int | str) -> None:
        """Let the next calls to the storage fail: a status instead of the effect, LOST or DENIED."""
        self._faulty.faults[:] = faults

    def count_calls(self) -> int:
        """Return the number of calls to the storage so far."""
        return self._faulty.calls

    def all_faults_were_used(self) -> bool:
        """Return whether every fault has met its call."""
        return not self._faulty.faults


@contextmanager
def open_stage(name: str, folder: Path) -> Iterator[Stage]:
    """Open a service by its name in OPENERS, and the gateway that answers for the hosts of its cloud."""
    with ExitStack() as stack:
        service = stack.enter_context(OPENERS[name](folder))
        faulty = Faulty(_shorten_pages(service))
        identity = _issue(service.token)
        apps: dict[str, ASGIApp] = {
            HOSTS[service.cloud]: faulty,
            IDENTITY: identity,
            "metadata.google.internal": identity,
        }
        checked = Checked(apps.get)
        yield Stage(service, faulty, stack.enter_context(gateway(folder / "gateway", checked.find_app)))
        assert not checked.problems, checked.problems


def _shorten_pages(service: Service) -> ASGIApp:
    """Return the service's app. Lists get the query that makes their pages smaller, if the service has one."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if service.page and b"prefix=" in scope["query_string"]:
            scope = {**scope, "query_string": scope["query_string"] + b"&" + service.page.encode()}
        await service.app(scope, receive, send)

    return app


def _issue(token: str) -> ASGIApp:
    answer = JSONResponse({"access_token": token, "expires_in": 3600, "expires_on": "4102444800"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)

    return app
