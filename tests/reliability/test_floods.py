"""Duplicates, nonsense and floods against each cloud's entry point.

`make reliability` sends 100,000 fuzzed requests (PNODES_FUZZ), CI some thousands.
"""

from __future__ import annotations

import json
import os
import random
import threading
import uuid
from typing import Any

import pytest

from tests.reliability.entry_points import Deployment, open_deployment
from tests.reliability.fleet import CLOUDS
from tests.reliability.services import KEY
from trigger.table import TABLE_SECONDS

CALLS = 1000
FUZZED = -(-int(os.environ.get("PNODES_FUZZ", "4500")) // len(CLOUDS))
TRIGGER = "99361e43-0000-4000-8000-73c29c720001"
GOOD: dict[str, Any] = {"roundNumber": 371, "triggerId": TRIGGER, "dataVersion": 1}
STRANGE = (
    "",
    " ",
    "..",
    "/",
    "//",
    "%2e%2e",
    "\x00",
    "\n",
    "ü",
    "\U0001f600",
    "\ufffd",
    "a" * 300,
    "'--",
    "{{",
    "${x}",
)
ROUTES = ("pred", "schedule", "rounds", "health", "partner", "watch", "admin", "api", "PRED", "claims", "table")
METHODS = ("POST", "POST", "POST", "GET", "PUT", "DELETE", "PATCH", "HEAD")
BAD_IDS: tuple[Any, ...] = (
    *(None, 7, 1.5, True, [], {}, "", "short", "round-371", "watch-371-1", "schedule-1", "../../table/x", "a" * 65),
    *("a b c d e f g", "ü" * 8, TRIGGER + "\n", "\x00" * 9, "\ud800" * 9),
)
BAD_ROUNDS: tuple[Any, ...] = (None, -1, 1.5, True, "371", "", [], {}, float("nan"), float("inf"), 10**9, 10**4000)
BAD_VERSIONS: tuple[Any, ...] = ("1", 1.5, True, [], {}, 10**4000)
BAD_TESTS: tuple[Any, ...] = ("true", 1, 0, [], {})
BAD_NODES: tuple[Any, ...] = (
    *(None, 7, True, "", "text", [], {}, {"ab": 1}, [None], ["ab"], [[]], [["a"]], [["a", "b", "c"]], [[{}, []]]),
    *([["\ud800", "\ud800"]], [["a", "b"]] * 5000, [[None, None]], [[1.5, float("nan")]], [[["a"], {"b": "c"}]]),
)
BAD_LASTS: tuple[Any, ...] = ("x", "1.5", "\x00", [1], {"x": 1}, float("nan"), float("inf"), float("-inf"))
BODIES = (
    b"",
    b" ",
    b"not json",
    b"[1]",
    b"[" * 5000,
    b"null",
    b'"text"',
    b"{",
    b"\xff\xfe",
    b"\x00",
    b"{}",
    b" " * 70000,
)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_thousand_posts_of_one_trigger_id_at_once_start_one_job(cloud: str) -> None:
    with open_deployment(cloud) as deployment:
        gate, statuses = threading.Barrier(CALLS), list[int]()

        def post() -> None:
            gate.wait()
            path = f"/pred/{deployment.node.model_id}/{deployment.node.token}"
            statuses.append(deployment.send("POST", path, {}, {}, json.dumps(GOOD).encode())[0])

        threads = [threading.Thread(target=post) for _ in range(CALLS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(statuses) == CALLS
        assert len(deployment.jobs) == 1
        assert set(statuses) <= {200, 202}
        assert sum(json.loads(line)["status"] == "started" for line in deployment.lines) == 1


@pytest.mark.parametrize("cloud", CLOUDS)
def test_fuzzed_requests_are_refused_and_nothing_secret_is_logged(
    cloud: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with open_deployment(cloud) as deployment:
        random_ = random.Random(f"fuzz {cloud}")  # noqa: S311 - reproducible
        for _ in range(FUZZED):
            request = fuzz(random_, deployment)
            status, text = deployment.send(*request)
            assert 400 <= status < 500, (status, text, request)
            assert isinstance(json.loads(text), dict)
            check_secrets(deployment, text)
        assert deployment.jobs == []
        assert deployment.services.objects.folders == {}
        assert deployment.requests["compute"] == 0
        assert len(deployment.lines) >= FUZZED
        printed = capfd.readouterr()
        for text in (*deployment.lines, printed.out, printed.err, caplog.text):
            assert "Traceback" not in text
            check_secrets(deployment, text)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_flood_of_wrong_tokens_reads_the_table_every_few_seconds_and_calls_nothing_else(cloud: str) -> None:
    moments = [0.0]
    with open_deployment(cloud, processes=1, now=lambda: moments[0]) as deployment:
        for number in range(3000):
            moments[0] = number / 100
            path = f"/pred/{deployment.node.model_id}/{uuid.UUID(int=number).hex}"
            status, _ = deployment.send("POST", path, {}, {}, json.dumps(GOOD).encode())
            assert status == 401
        asked = {name: times for name, times in deployment.requests.items() if name != "identity"}
        assert asked == {"table": 30 / TABLE_SECONDS}


def check_secrets(deployment: Deployment, text: str) -> None:
    """Fail if a text has the node's token or a key."""
    assert deployment.node.token not in text
    assert KEY not in text


def fuzz(random_: random.Random, deployment: Deployment) -> tuple[str, str, dict[str, str], dict[str, str], bytes]:
    """Return a request with at least one thing that must be refused."""
    node = deployment.node
    body = json.dumps(GOOD).encode()
    kind = random_.choice(("body", "token", "path", "rounds", "anything"))
    if kind == "body":  # from somebody who has the token
        place = random_.randrange(3)
        path = f"/pred/{node.model_id}" + (f"/{node.token}" if place == 0 else "")
        query = {"token": node.token} if place == 1 else {}
        headers = {"x-trigger-token": node.token} if place == 2 else {}
        return "POST", path, query, headers, spoil_body(random_)
    token = random_.choice(
        (*STRANGE, node.token[:-1], node.token + "0", node.token.upper() + "x", str(random_.random()))
    )
    if kind == "token":
        path = f"/{random_.choice(('pred', 'schedule', 'partner'))}/{node.model_id}"
        headers = {"x-trigger-token": make_header(token), "x-partner-proof": make_header(token)}
        return (
            "POST",
            path,
            {"token": token},
            random_.choice(({}, headers)),
            random_.choice((body, spoil_body(random_))),
        )
    if kind == "rounds":
        return "POST", "/rounds", {}, {}, spoil_question(random_, deployment, token)
    if kind == "path":
        wrong = random_.choice((*STRANGE, str(uuid.UUID(int=random_.getrandbits(128))), node.name, "table", "371"))
        path = f"/{random_.choice(ROUTES)}/{wrong}" + random_.choice(("", f"/{node.token}", "/a/b/c/d"))
        return "POST", path, {"token": node.token}, {}, body
    parts = [random_.choice((*STRANGE, *ROUTES, node.model_id)) for _ in range(random_.randrange(6))]
    query = {random_.choice(("token", "last", "x", "ü")): random_.choice(STRANGE) for _ in range(random_.randrange(3))}
    names = ("x-trigger-token", "content-type", "x-forwarded-for", "x-cloudscheduler-scheduletime", "x-partner-proof")
    headers = {name: make_header(random_.choice(STRANGE)) for name in names if random_.random() < 0.3}
    method = random_.choice(METHODS)
    path = "/" + "/".join(parts)
    if path.strip("/").split("/")[0].strip() == "health" and method in ("GET", "HEAD"):
        method = "POST"  # the health is for everybody
    return method, path, query, headers, random_.choice((body, spoil_body(random_), random_.randbytes(40)))


def make_header(text: str) -> str:
    """Return a text as a server passes on a header: without ends of lines."""
    return text.encode(errors="replace").decode("latin-1").replace("\n", " ").replace("\x00", " ")


def spoil_body(random_: random.Random) -> bytes:
    """Return a webhook's body with at least one mistake."""
    field = random_.choice(("", "bytes", "triggerId", "roundNumber", "dataVersion", "isTest"))
    if not field:
        return random_.choice(BODIES)
    if field == "bytes":
        return bytes([random_.choice(b"[(\xff\x00}x")]) + json.dumps(GOOD).encode()[1:]
    values = {"triggerId": BAD_IDS, "roundNumber": BAD_ROUNDS, "dataVersion": BAD_VERSIONS, "isTest": BAD_TESTS}
    body = {**GOOD, field: random_.choice(values[field])}
    others = {random_.choice(("modelId", "x", "__proto__", "ü")): random_.choice(STRANGE)}
    return _dump(random_.choice((body, {**body, **others})))


def spoil_question(random_: random.Random, deployment: Deployment, token: str) -> bytes:
    """Return a question for rounds that must be refused; `token` is a wrong one."""
    node = deployment.node
    right, others = [node.model_id, node.token], (node.name, "", str(uuid.UUID(int=random_.getrandbits(128))))
    match random_.randrange(4):
        case 0:
            return random_.choice((*BODIES, random_.randbytes(40)))
        case 1:
            question = {"nodes": random_.choice(BAD_NODES), "last": random_.choice((*BAD_LASTS, 7, None))}
        case 2:
            question = {"nodes": [right] * random_.randrange(1, 4), "last": random_.choice(BAD_LASTS)}
        case _:
            pairs = ([node.model_id, token], [random_.choice(others), node.token])
            question = {"nodes": [random_.choice(pairs) for _ in range(random_.randrange(1, 9))], "last": 2}
    return _dump(question)


def _dump(value: dict[str, Any]) -> bytes:
    """Return JSON; Python writes no whole number of more than 4,300 digits."""
    return json.dumps(value).encode()
