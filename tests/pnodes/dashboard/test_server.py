"""Who gets the page, who does not, and that nothing of it can be read or run by others."""

from __future__ import annotations

import json
import socket
from typing import Any

import anyio
import httpx
import pytest

from pnodes.dashboard.serve import PortTaken, listen
from pnodes.dashboard.server import Site
from pnodes.dashboard.watch import Watch
from tests.pnodes.dashboard.known import EVIL, TOKEN, Known, world

HERE = "http://127.0.0.1:4711"


class Client:
    """Asks an application without a port."""

    def __init__(self, site: Site) -> None:
        self._way = httpx.ASGITransport(site.app, raise_app_exceptions=False)

    def request(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """A whole answer."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._way, base_url=HERE) as client:
                return await client.request(method, path, **sent)

        return anyio.run(ask)

    def get(self, path: str, **sent: Any) -> httpx.Response:
        """The same with GET."""
        return self.request("GET", path, **sent)


def site(known: Known, looked: bool = True) -> tuple[Site, Client]:
    watch = Watch(known.deployment(), lambda: None)
    if looked:
        for source in watch._sources.values():
            source.look()
    watch.stop()  # who follows a log is let go after the first look
    made = Site(watch)
    return made, Client(made)


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:4711", 200), ("localhost:4711", 200), ("evil.example", 400), ("evil.example:4711", 400)],
)
def test_a_name_that_somebody_points_here_is_refused(host: str, status: int) -> None:
    made, client = site(world())
    answer = client.get(made.path, headers={"host": host})
    assert answer.status_code == status, answer.text
    assert ("alpha" in answer.text) is (status == 200)


def test_without_the_key_there_is_nothing() -> None:
    made, client = site(world())
    for path in ("/", "/parts", "/logs/alpha/trigger", f"/{made.key[:-1]}/", f"/{'x' * len(made.key)}/parts"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "alpha" not in answer.text, path


def test_the_door_opens_once() -> None:
    made, client = site(world())
    assert client.get("/open/guess").status_code == 403
    first = client.get(made.door)
    assert first.status_code == 200, first.text
    assert made.path in first.text
    again = client.get(f"/open/{first.request.url.path.rsplit('/', 1)[1]}")
    assert again.status_code == 403, again.text
    assert made.key not in again.text


@pytest.mark.parametrize("other", ["cross-site", "same-site"])
def test_another_site_s_page_is_refused(other: str) -> None:
    made, client = site(world())
    for path in (made.path, made.path + "parts", made.path + "logs/alpha/trigger"):
        assert client.get(path, headers={"sec-fetch-site": other}).status_code == 403
        assert client.get(path, headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_nothing_can_be_sent_and_nothing_is_shared() -> None:
    made, client = site(world())
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, made.path + "parts").status_code == 405
    answer = client.get(made.path + "parts", headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert (answer.headers["referrer-policy"], answer.headers["x-frame-options"]) == ("no-referrer", "DENY")


def test_parts_come_with_their_html_only_when_they_are_new() -> None:
    known = world()
    del known.clouds["gamma"]  # what runs now is another at each look
    known.rounds.clear()
    made, client = site(known)
    first = client.get(made.path + "parts").json()["parts"]
    assert [part["id"] for part in first] == ["top", "node-alpha", "node-beta", "node-delta", "node-epsilon"]
    have = ",".join(part["version"] for part in first)
    second = client.get(made.path + "parts", params={"have": have}).json()["parts"]
    assert not [part["id"] for part in second if "html" in part]


def test_logs_are_text_without_secrets_and_only_of_runs_on_the_page() -> None:
    known = world()
    known.clouds["alpha"].lines += ["key numerai-secret-value", "\x1b[1mbold\x1b[0m"]
    made, client = site(known)
    answer = client.get(f"{made.path}logs/alpha/runs/job-alpha-371")
    told = [json.loads(line) for line in answer.text.splitlines()]
    lines = [one["text"] for one in told if "text" in one]
    assert EVIL in lines
    assert lines[-2:] == ["key ***", "bold"]
    assert TOKEN not in answer.text
    assert told[-1] == {"said": "succeeded after 3 min 32 s".replace("3 min 32 s", "3\xa0min 32\xa0s"), "level": "good"}
    asked = len(known.clouds["alpha"].asked)
    for unknown in ("job-beta-371", "..%2Fx", "job-alpha-371:cancel"):
        assert client.get(f"{made.path}logs/alpha/runs/{unknown}").status_code == 404
    assert len(known.clouds["alpha"].asked) == asked
    assert client.get(f"{made.path}logs/nobody/trigger").status_code == 404


def test_a_cloud_that_refuses_its_log_says_so_in_the_log() -> None:
    known = world()
    made, client = site(known)
    known.clouds["gamma"].broken = f"AWS refused to describe the job: AccessDenied ?token={TOKEN}"
    running = client.get(f"{made.path}logs/gamma/runs/job-gamma-371")
    assert running.status_code == 502, running.text
    assert TOKEN not in running.text
    known.clouds["alpha"].broken = "AWS refused to read the job's log: AccessDenied"
    ended = client.get(f"{made.path}logs/alpha/runs/job-alpha-371")
    assert json.loads(ended.text.splitlines()[-1])["said"] == known.clouds["alpha"].broken


def test_names_and_reasons_are_text_and_a_console_is_an_https_address() -> None:
    known = world()
    newest = known.clouds["beta"].known[0]
    known.clouds["beta"].known[0] = type(newest)(**{**vars(newest), "reason": EVIL})
    known.clouds["epsilon"].broken = EVIL
    made, client = site(known)
    page = client.get(made.path).text
    assert EVIL not in page
    assert page.count("&lt;script&gt;document.title") >= 2
    assert TOKEN not in page
    shown = Watch(known.deployment(), lambda: None).deployment
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


def test_only_this_machine_can_reach_the_port_and_one_that_is_taken_is_a_sentence() -> None:
    opened = listen(0)
    opened.listen()
    host, port = opened.getsockname()
    try:
        assert host == "127.0.0.1"
        with pytest.raises(PortTaken, match=f"port {port} of 127.0.0.1 cannot be had"):
            listen(port)
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) == 0
    finally:
        opened.close()
