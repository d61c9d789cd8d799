"""The gateway answers unmodified clients under real host names, identifies them, and uses the internet for nobody
but the user's shell."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import tunnel
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


def _connect(network: Network, client: str, target: str) -> socket.socket:
    """Send CONNECT, as the client's library does."""
    connection = socket.create_connection(("127.0.0.1", network.gateway_port), timeout=10)
    login = base64.b64encode(f"{client}:sandbox".encode()).decode()
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n\r\n".encode())
    return connection


@pytest.fixture
def other_host() -> Iterator[str]:
    """A host that the sandbox does not simulate; it answers what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"got " + connection.recv(100))

        threading.Thread(target=echo, daemon=True).start()
        yield f"other.invalid:{server.getsockname()[1]}"


def test_in_the_users_shell_other_hosts_pass_through(
    network: Network, other_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.getproxies", dict)
    real = asyncio.open_connection
    monkeypatch.setattr(asyncio, "open_connection", lambda _host, port: real("127.0.0.1", port))
    with _connect(network, "deployer", other_host) as connection:
        assert b" 200 " in connection.recv(100)
        connection.sendall(b"hello")
        assert connection.recv(100) == b"got hello"


def test_a_client_that_does_not_say_who_it_is_is_asked(network: Network) -> None:
    """git, for one, sends the user of the proxy's URL only then."""
    with socket.create_connection(("127.0.0.1", network.gateway_port), timeout=10) as connection:
        connection.sendall(b"CONNECT github.invalid:443 HTTP/1.1\r\nHost: github.invalid:443\r\n\r\n")
        answer = connection.recv(500)
    assert answer.startswith(b"HTTP/1.1 407 ")
    assert b"\r\nProxy-Authenticate: Basic " in answer


def test_a_tunnel_goes_through_the_machines_own_proxy(
    network: Network, other_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://me:secret@127.0.0.1:{other_host.rpartition(':')[2]}"
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"https": proxy})
    monkeypatch.setattr("urllib.request.proxy_bypass", lambda _host: False)
    with _connect(network, "deployer", "pypi.invalid:443") as connection:
        assert b" 502 " in connection.recv(100)  # this proxy only repeats the request


@pytest.mark.parametrize(
    ("client", "host"), [("job/some run", "pypi.org"), ("deployer", "sts.amazonaws.com"), ("deployer", "numer.ai")]
)
def test_no_tunnel_for_jobs_and_to_real_clouds(client: str, host: str) -> None:
    assert not tunnel.is_allowed(client, host)


def test_the_shell_trusts_the_sandbox_and_the_usual_authorities(tmp_path: Path) -> None:
    tunnel.write_trusted(Authority(tmp_path).ca_file, tmp_path / "trusted.pem")
    names = {
        str(entry["subject"]) for entry in ssl.create_default_context(cafile=tmp_path / "trusted.pem").get_ca_certs()
    }
    assert len(names) > 10
    assert [name for name in names if "prediction-nodes sandbox" in name]
