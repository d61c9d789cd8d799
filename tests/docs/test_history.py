"""docs/how-to/history.md: its blocks show what the commands print."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from pnodes.cli import history
from pnodes.engine.paths import ROOT
from providers.operations import Run, State
from tests.docs import pages
from tests.pnodes.deployed_stack import Deployed
from tests.pnodes_command import Pnodes

PAGE = ROOT / "docs" / "how-to" / "history.md"
FRIDAY = datetime(2026, 11, 27, 13, 0, tzinfo=UTC)


class Saturday(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Saturday:
        return cls(2026, 11, 28, 9, 0, tzinfo=tz)


def at(days: int, minutes: float) -> dict[str, Any]:
    return {"at": (FRIDAY - timedelta(days=days) + timedelta(minutes=minutes)).timestamp()}


def run(days: int, minutes: float, took: float, state: str = "succeeded", reason: str = "") -> dict[str, Any]:
    began = at(days, minutes)["at"]
    return {"job": "j", "state": state, "reason": reason, "own": True, "created": began, "ended": began + 60 * took}


ROUNDS = {
    "1201": {
        "1.claim": at(3, 0) | {"run": "t-1"},
        "t-1.ended": run(3, 0, 11),
        "submitted": at(3, 11) | {"late": False},
    },
    "1202": {
        "1.claim": at(2, 15) | {"run": "watch-1202-1"},
        "watch-1202-1.ended": run(2, 15, 11),
        "submitted": at(2, 26) | {"late": False},
    },
    "1203": {
        "1.claim": at(1, 0) | {"run": "t-3"},
        "t-3.ended": run(1, 0, 4, "failed", "exit code 1"),
        "2.claim": at(1, 5) | {"run": "watch-1203-2"},
        "watch-1203-2.ended": run(1, 5, 11),
        "submitted": at(1, 16) | {"late": False},
    },
    "1204": {
        "1.claim": at(0, 0) | {"run": "t-4"},
        "t-4.ended": run(0, 0, 4, "failed", "exit code 137; OutOfMemoryError"),
        "2.claim": at(0, 5) | {"run": "watch-1204-2"},
        "watch-1204-2.ended": run(0, 5, 4, "failed", "exit code 137; OutOfMemoryError"),
        "missed": at(0, 60),
    },
}


@pytest.fixture
def in_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        patch.setattr(history, "datetime", Saturday)
        yield
    time.tzset()


@pytest.fixture
def page(deployed: Deployed, pnodes: Pnodes, in_utc: None) -> str:
    """The page with the commands' output of today."""
    deployed.rounds = {"alpha": ROUNDS}
    deployed.nodes["beta"].known = [Run("r", State.FAILED, FRIDAY, "the job took longer than 1h", round="1204")]
    deployed.registered = {"m-gamma": "https://compute.example/hook"}
    return pages.render_pnodes(PAGE, pnodes)


def test_the_page_shows_the_output_of_the_commands(page: str) -> None:
    pages.check_rendered(PAGE, page)
