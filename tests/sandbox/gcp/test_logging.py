"""Cloud Logging in the sandbox: who may read logs, and the supported filters."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.cloud import Resource
from sandbox.gcp import iam
from tests.sandbox.gcp.cloud import Google
from tests.sandbox.gcp.job import World

URL = "https://logging.googleapis.com/v2/entries:list"


def ask(google: Google, who: Resource | None = None, **body: Any) -> httpx.Response:
    sent = {"resourceNames": [f"projects/{google.cloud.project}"], **body}
    with google.http(who) as client:
        return client.post(URL, json=sent)


def test_a_job_s_account_reads_no_logs(google: Google) -> None:
    assert ask(google, google.account("alpha-job")).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [({"filter": "severity>=ERROR OR x"}, 400), ({"resourceNames": ["projects/other"]}, 404), ({"unknown": 1}, 400)],
)
def test_unsupported_requests_are_refused(google: Google, body: dict[str, Any], status: int) -> None:
    assert ask(google, **body).status_code == status


def test_entries_come_in_pages_and_in_order(google: Google) -> None:
    world = World(google, "print('a')\nprint('b')\nprint('{\"c\": 1}')\n")
    name = world.start().json()["metadata"]["name"].rsplit("/", 1)[-1]
    google.cloud.kernel.executor.wait(name, 60)
    request = {"filter": 'resource.type="cloud_run_job"', "pageSize": 2, "orderBy": "timestamp asc"}
    first = ask(google, **request).json()  # type: ignore[arg-type]
    second = ask(google, **request, pageToken=first["nextPageToken"]).json()  # type: ignore[arg-type]
    assert [entry["textPayload"] for entry in first["entries"]] == ["a", "b"]
    assert [entry["jsonPayload"] for entry in second["entries"]] == [{"c": 1}]
    assert "nextPageToken" not in second


def test_only_the_deployer_s_refresh_token_gives_a_token(google: Google) -> None:
    sent = {key: value for key, value in iam.PERSON.items() if key != "type"} | {"grant_type": "refresh_token"}
    with google.http(token="") as client:
        assert client.post("https://oauth2.googleapis.com/token", data=sent).status_code == 200
        sent["refresh_token"] = "another"
        assert client.post("https://oauth2.googleapis.com/token", data=sent).json()["error"] == "invalid_grant"
