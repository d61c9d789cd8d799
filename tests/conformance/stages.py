"""Opens the storage services, each behind the host names of its cloud."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import trustme
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.aws.cloud import AwsCloud
from sandbox.azure.cloud import AzureCloud
from sandbox.gcp.cloud import GcpCloud
from sandbox.network import Network
from tests.conformance import installed
from tests.conformance.relay import Faulty
from tests.conformance.services import (
    BLOB_HOST,
    BUCKET,
    HOSTS,
    REGION,
    Azurite,
    FakeGcsServer,
    Moto,
    SandboxBlobs,
    SandboxS3,
    SandboxStorage,
    Service,
)
from tests.descriptions.every import Checked
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.azure.cloud import Azure
from tests.sandbox.fixtures import open_kernel
from tests.sandbox.gcp.cloud import Google
from tests.sandbox.networked import gateway

IDENTITY = "169.254.131.2"


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
