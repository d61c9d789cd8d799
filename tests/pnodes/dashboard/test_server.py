"""Only the person who started the dashboard gets the page, and other sites can neither read nor frame it."""

from __future__ import annotations

import json
import socket
from typing import Any

import anyio
import httpx
import pytest

from pnodes.dashboard.serve import listen
from pnodes.dashboard.server import Site
from pnodes.dashboard.watch import Watch
from pnodes.errors import UserError
from tests.pnodes.dashboard.fake_world import EVIL, TOKEN, FakeWorld, make_world

ORIGIN = "http://127.0.0.1:4711"


class Client:
    """Sends requests to the application without a port."""

    def __init__(self, site: Site) -> None:
        self._transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return a complete answer."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url=ORIGIN) as client:
                return await client.request(method, path, **options)

        return anyio.run(ask)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET request."""
        return self.request("GET", path, **options)


def start(world: FakeWorld, refreshed: bool = True) -> tuple[Site, Client]:
    watch = Watch(world.deployment(), lambda: None)
    if refreshed:
        for source in watch._sources.values():
            source.refresh()
    watch.stop()  # so that requests that follow a log end after the first read
    site = Site(watch)
    return site, Client(site)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:4711", 200), ("localhost:4711", 200), ("evil.example", 400), ("evil.example:4711", 400)],
)
def test_a_foreign_host_header_is_refused(host: str, status: int) -> None:
    site, client = start(make_world())
    answer = client.get(site.path, headers={"host": host})
    assert answer.status_code == status, answer.text
    assert ("alpha" in answer.text) is (status == 200)


def test_without_the_key_every_path_is_missing() -> None:
    site, client = start(make_world())
    for path in ("/", "/parts", "/logs/alpha/trigger", f"/{site.key[:-1]}/", f"/{'x' * len(site.key)}/parts"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "alpha" not in answer.text, path


def test_the_one_time_address_works_once() -> None:
    site, client = start(make_world())
    assert client.get("/open/guess").status_code == 403
    first = client.get(site.one_time_path)
    assert first.status_code == 200, first.text
    assert site.path in first.text
    again = client.get(f"/open/{first.request.url.path.rsplit('/', 1)[1]}")
    assert again.status_code == 403, again.text
    assert site.key not in again.text


@pytest.mark.parametrize("other", ["cross-site", "same-site"])
def test_another_site_s_page_is_refused(other: str) -> None:
    site, client = start(make_world())
    for path in (site.path, site.path + "parts", site.path + "logs/alpha/trigger"):
        assert client.get(path, headers={"sec-fetch-site": other}).status_code == 403
        assert client.get(path, headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_the_page_is_read_only_and_closed_to_other_sites() -> None:
    site, client = start(make_world())
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, site.path + "parts").status_code == 405
    answer = client.get(site.path + "parts", headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert (answer.headers["referrer-policy"], answer.headers["x-frame-options"]) == ("no-referrer", "DENY")


def test_parts_have_html_only_if_their_version_is_new() -> None:
    world = make_world()
    del world.clouds["gamma"]  # the view of a running job changes with time
    world.rounds.clear()
    site, client = start(world)
    first = client.get(site.path + "parts").json()["parts"]
    assert [part["id"] for part in first] == ["top", "table", "node-alpha", "node-beta", "node-delta", "node-epsilon"]
    have = ",".join(part["version"] for part in first)
    second = client.get(site.path + "parts", params={"have": have}).json()["parts"]
    assert not [part["id"] for part in second if "html" in part]


def test_logs_contain_no_secrets_and_are_served_only_for_runs_on_the_page() -> None:
    world = make_world()
    world.clouds["alpha"].lines += ["key numerai-secret-value", "\x1b[1mbold\x1b[0m"]
    site, client = start(world)
    answer = client.get(f"{site.path}logs/alpha/runs/job-alpha-371")
    messages = [json.loads(line) for line in answer.text.splitlines()]
    lines = [message["text"] for message in messages if "text" in message]
    assert EVIL in lines
    assert lines[-2:] == ["key ***", "bold"]
    assert TOKEN not in answer.text
    assert messages[-1] == {"status": "succeeded after 3\xa0min 32\xa0s", "level": "good"}
    queries = len(world.clouds["alpha"].queries)
    for unknown in ("job-beta-371", "..%2Fx", "job-alpha-371:cancel"):
        assert client.get(f"{site.path}logs/alpha/runs/{unknown}").status_code == 404
    assert len(world.clouds["alpha"].queries) == queries
    assert client.get(f"{site.path}logs/nobody/trigger").status_code == 404


def test_a_log_shows_why_the_cloud_refused_it() -> None:
    world = make_world()
    site, client = start(world)
    world.clouds["gamma"].broken = f"AWS refused to describe the job: AccessDenied ?token={TOKEN}"
    running = client.get(f"{site.path}logs/gamma/runs/job-gamma-371")
    assert running.status_code == 502, running.text
    assert TOKEN not in running.text
    world.clouds["alpha"].broken = "AWS refused to read the job's log: AccessDenied"
    ended = client.get(f"{site.path}logs/alpha/runs/job-alpha-371")
    assert json.loads(ended.text.splitlines()[-1])["status"] == world.clouds["alpha"].broken


def test_names_and_reasons_are_escaped_and_a_console_must_be_an_https_address() -> None:
    world = make_world()
    newest = world.clouds["beta"].listed[0]
    world.clouds["beta"].listed[0] = type(newest)(**{**vars(newest), "reason": EVIL})
    world.clouds["epsilon"].broken = EVIL
    site, client = start(world)
    page = client.get(site.path).text
    assert EVIL not in page
    assert page.count("&lt;script&gt;document.title") >= 2
    assert TOKEN not in page
    shown = Watch(world.deployment(), lambda: None).deployment
    bad = type(shown)(
        **{
            **vars(shown),
            "nodes": {
                "alpha": type(shown.nodes["alpha"])(**{**vars(shown.nodes["alpha"]), "console": "javascript:alert(1)"})
            },
        }
    )
    other = Site(Watch(bad, lambda: None))
    text = Client(other).get(other.path).text
    assert "javascript:" not in text
    assert "Console<" not in text


def test_the_port_is_open_to_this_machine_only_and_a_taken_port_is_reported() -> None:
    opened = listen(0)
    opened.listen()
    host, port = opened.getsockname()
    try:
        assert host == "127.0.0.1"
        with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 is not available"):
            listen(port)
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) == 0
    finally:
        opened.close()
