"""The deployed stores of claims and rows, in the sandbox and in implementations that other projects have written.

The stores call the clouds' real host names, with TLS; a gateway passes the calls on.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

import trigger.aws
from pnodes.engine.paths import ROOT
from tests.conformance.relay import DENIED, LOST
from tests.conformance.stages import OPENERS, Stage, open_stage
from tests.conformance.stores import build_store, open_network
from trigger import http_call
from trigger.table import Row, Store, StoreError

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
PROCESSES, THREADS = 5, 10
NUMBERS = itertools.count()


@pytest.fixture(scope="module", params=list(OPENERS))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest.fixture
def store(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name, value in stage.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(http_call, "_open", open_network())
    monkeypatch.setattr(http_call, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(trigger.aws, "PAUSES", (0.0, 0.0))
    yield build_store(stage.service.cloud)
    assert stage.all_faults_were_used()


@pytest.fixture
def node(stage: Stage) -> str:
    """A node without claims."""
    name = f"node-{next(NUMBERS)}"
    stage.service.add_node(name)
    return name


def create_once(store: Store, node: str) -> None:
    key = f"{node}/run-1/1.claim"
    assert store.create(key, b'{"by": "first"}') is True
    assert store.create(key, b'{"by": "second"}') is False
    assert store.create(key, b'{"by": "first"}') is False, "the same content is another claimant's all the same"
    assert store.read(key) == b'{"by": "first"}'


def read_nothing(store: Store, node: str) -> None:
    with pytest.raises(StoreError, match=r"40[34]"):
        store.read(f"{node}/run-1/1.claim")


def list_one_run(store: Store, node: str) -> None:
    keys = [f"{node}/run-1/{name}" for name in ("1.claim", "1.failed", "2.claim")]
    others = [f"{node}/run-10/1.claim", f"{node}/run-2/1.claim"]
    for key in (*others, *keys):
        assert store.create(key, b"{}")
    assert sorted(store.list(f"{node}/run-1/")) == keys
    assert sorted(store.list(f"{node}/")) == sorted([*keys, *others])
    assert list(store.list(f"{node}/run-3/")) == []


CASES: list[Callable[[Store, str], None]] = [create_once, read_nothing, list_one_run]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_claim(case: Callable[[Store, str], None], store: Store, node: str) -> None:
    case(store, node)


@pytest.mark.parametrize("fault", [LOST, DENIED])
def test_whose_answer_is_lost_is_known_as_the_claimant_s_own(fault: str, stage: Stage, store: Store, node: str) -> None:
    stage.order(fault)
    assert store.create(f"{node}/run-1/1.claim", b"mine") is True
    assert store.read(f"{node}/run-1/1.claim") == b"mine"


@pytest.mark.parametrize("fault", [LOST, DENIED])
def test_a_lost_answer_does_not_give_away_another_s_claim(fault: str, stage: Stage, store: Store, node: str) -> None:
    assert store.create(f"{node}/run-1/1.claim", b"theirs") is True
    stage.order(fault)
    assert store.create(f"{node}/run-1/1.claim", b"mine") is False
    assert store.read(f"{node}/run-1/1.claim") == b"theirs"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_service_is_asked_again(status: int, stage: Stage, store: Store, node: str) -> None:
    key = f"{node}/run-1/1.claim"
    stage.order(status, status)
    assert store.create(key, b"mine") is True
    stage.order(status)
    assert store.read(key) == b"mine"
    stage.order(status)
    assert list(store.list(f"{node}/run-1/")) == [key]


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_stays_busy_is_an_error(status: int, stage: Stage, store: Store, node: str) -> None:
    stage.order(status, status, status)
    with pytest.raises(StoreError, match=str(status)):
        store.create(f"{node}/run-1/1.claim", b"mine")
    assert list(store.list(f"{node}/")) == []


def test_more_than_a_thousand_claims_are_listed_page_by_page(stage: Stage, store: Store, node: str) -> None:
    names = [f"run-{number:04}/1.claim" for number in range(1050)]
    stage.service.fill(node, names)
    before = stage.count_calls()
    assert sorted(store.list(f"{node}/")) == [f"{node}/{name}" for name in names]
    assert stage.count_calls() - before == stage.service.pages


def test_the_rows_come_in_the_order_of_their_last_writes(stage: Stage, store: Store) -> None:
    rows = [
        Row(MODEL, "later-name", "a" * 64, "job/with:signs"),
        Row(MODEL, "early-name", "b" * 64, "job", "queue", "no", "0 13 * * *", "America/New_York"),
    ]
    for row in rows:
        stage.service.put_row(row)
        time.sleep(1.1 if row is rows[0] else 0)  # the services record whole seconds
    assert list(store.read_rows()) == rows


def test_of_fifty_claimants_in_five_processes_one_wins(stage: Stage, store: Store, node: str) -> None:
    key = f"{node}/run-1/1.claim"
    command = [sys.executable, "-m", "tests.conformance.stores", stage.service.cloud, key, str(THREADS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(PROCESSES)]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [answer for process in processes for answer in json.loads(process.communicate()[0])]
    assert sorted(answers) == ["False"] * (PROCESSES * THREADS - 1) + ["True"]
    assert store.read(key)
