"""The deployed archives in the clouds' own runtime clients: a webhook, a wrong token, and GET /health."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from benchmarks import azure_worker, runtimes
from benchmarks.runtimes import Call, FunctionsFramework
from benchmarks.stand_in import StandIn, open_stand_in
from benchmarks.trigger import ROW, TOKEN, Host, list_hosts, unpack
from providers.azure.archive import ARCHIVE
from tests.conformance import installed


class AzureLibrary(FunctionsFramework):
    """Microsoft's library for Python 3.13, below a small HTTP server."""

    def _write_command(self) -> list[str]:
        program = Path(__file__).with_name("azure_library.py")
        return [str(runtimes.PYTHON), "-P", str(program), str(self._function.folder), str(self._port)]

    def _write_variables(self) -> dict[str, str]:
        return {"PYTHONPATH": str(installed.AZURE_LIBRARY)}


def find_host(name: str, stand_in: StandIn) -> Host:
    """Return a runtime with our archive, or skip the test."""
    installed.require(runtimes.PYTHON)
    hosts = list_hosts(stand_in)
    if name == "azure-functions-runtime":
        installed.require(installed.AZURE_LIBRARY)
        environ = {
            "STORE_URL": "https://benchmark.blob.core.windows.net/",
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{stand_in.port}/identity",
            "IDENTITY_HEADER": "header",
        }
        return Host(AzureLibrary, ARCHIVE, "webhook", {**stand_in.environ, **environ})
    if name == "azure-functions-worker" and not azure_worker.DESCRIPTORS.exists():
        # Only GitHub has it, which the machine that checks each change cannot reach.
        pytest.skip("Microsoft's Python worker is missing: `make conformance` installs it where GitHub can be reached")
    return hosts[{"awslambdaric": "aws", "functions-framework": "gcp", "azure-functions-worker": "azure"}[name]]


NAMES = ["awslambdaric", "functions-framework", "azure-functions-runtime", "azure-functions-worker"]


@pytest.mark.parametrize("name", NAMES)
def test_the_deployed_archive_answers(name: str, tmp_path: Path) -> None:
    webhook = json.dumps({"roundNumber": 1000, "modelId": ROW.model_id, "triggerId": str(uuid.uuid4())})
    path = f"/pred/{ROW.model_id}"
    with open_stand_in(tmp_path / "stand-in", ROW) as stand_in:
        host = find_host(name, stand_in)
        with host.runtime(unpack(tmp_path / "function", host.archive.files(), host)) as runtime:
            health = runtime.ask(Call("/health", "", "GET"))
            assert health.status == 200, health
            assert json.loads(health.body) == {"package": host.archive.digest()}
            for address in (f"{path}/{TOKEN}", f"{path}?token={TOKEN}"):
                answer = runtime.ask(Call(address, webhook))
                assert answer.status == 202, answer
                assert json.loads(answer.body)["status"] == "started"
            refused = runtime.ask(Call(f"{path}/wrong", webhook))
            assert refused.status == 401, refused
            assert runtime.ask(Call(f"{path}/{TOKEN}", "", "GET")).status == 405
        assert stand_in.unexpected == []
