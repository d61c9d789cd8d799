"""The gateway answers unmodified clients under real host names, identifies them, and never uses the internet."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.authority import Authority
from sandbox.gateway import Gateway
from sandbox.network import Network


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    host = dict(scope["headers"])[b"host"].decode()
    answer = {"host": host, "path": scope["path"], "client": scope["state"]["client"], "body": body.decode()}
    answer["scheme"] = scope["scheme"]
    sent = json.dumps(answer).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(sent)).encode())]}
    )
    await send({"type": "http.response.body", "body": sent})


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    authority = Authority(tmp_path)
    gateway = Gateway(authority, lambda host: None if host.endswith(".invalid") else _echo)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(gateway.start(), loop).result(10)
    yield Network(gateway.port, authority.ca_file)
    asyncio.run_coroutine_threadsafe(gateway.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def _in_process(network: Network, code: str) -> dict[str, Any]:
    env = {"PATH": os.environ["PATH"], **network.environment("job/some run")}
    process = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    facts: dict[str, Any] = json.loads(process.stdout)
    return facts


@pytest.mark.parametrize(
    "code",
    [
        "import urllib.request as u; print(u.urlopen('https://run.googleapis.com/v2/x', b'hello').read().decode())",
        "import requests; print(requests.post('https://run.googleapis.com/v2/x', data='hello').text)",
        "import httpx; print(httpx.post('https://run.googleapis.com/v2/x', content='hello').text)",
    ],
    ids=["urllib", "requests", "httpx"],
)
def test_unmodified_clients_reach_the_app_of_a_real_host_name(network: Network, code: str) -> None:
    answer = _in_process(network, code)
    assert answer == {
        "host": "run.googleapis.com",
        "path": "/v2/x",
        "client": "job/some run",
        "body": "hello",
        "scheme": "https",
    }


def test_plain_http_requests_arrive_without_the_absolute_form(network: Network) -> None:
    code = "import urllib.request as u; print(u.urlopen('http://metadata.google.internal/computeMetadata/v1/x').read().decode())"
    answer = _in_process(network, code)
    assert (answer["host"], answer["path"], answer["scheme"]) == (
        "metadata.google.internal",
        "/computeMetadata/v1/x",
        "http",
    )


def test_two_requests_share_one_connection(network: Network) -> None:
    with httpx.Client(
        proxy=network.proxy("me"), verify=ssl.create_default_context(cafile=str(network.ca_file)), trust_env=False
    ) as client:
        answers = [client.post("https://api.example/a", content="x" * size).json() for size in (1, 100_000)]
    assert [len(answer["body"]) for answer in answers] == [1, 100_000]
    assert answers[0]["client"] == "me"


def test_a_host_that_nobody_owns_gets_a_sentence(network: Network) -> None:
    with httpx.Client(
        proxy=network.proxy("me"), verify=ssl.create_default_context(cafile=str(network.ca_file)), trust_env=False
    ) as client:
        answer = client.get("https://nobody.invalid/")
    assert answer.status_code == 502, answer.text
    assert "the sandbox has no host nobody.invalid" in answer.json()["error"]


def test_the_authority_survives_a_restart_and_its_key_is_private(tmp_path: Path) -> None:
    first = Authority(tmp_path).ca_file.read_bytes()
    assert Authority(tmp_path).ca_file.read_bytes() == first
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0
