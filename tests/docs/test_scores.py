"""docs/how-to/scores.md: its blocks show what the command prints about models of the sandbox's Numerai."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT
from tests.docs import pages
from tests.pnodes.deployed_stack import Deployed
from tests.pnodes.scored import Scored, describe_nodes, record_run
from tests.pnodes_command import Pnodes

PAGE = ROOT / "docs" / "how-to" / "scores.md"


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def page(
    deployed: Deployed, pnodes: Pnodes, scored: Scored, in_utc: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The page with the command's output of today."""
    deployed.outputs = describe_nodes()
    deployed.rounds["alpha"] = {str(number): record_run(number, 11) for number in range(976, 1000)}
    deployed.rounds["alpha"]["992"] = record_run(992, 11, failed=True)
    deployed.rounds["beta"] = {str(number): record_run(number, 4) for number in range(990, 1000)}
    (tmp_path / "Pulumi.yaml").write_text("name: prediction-nodes\n")
    monkeypatch.chdir(tmp_path)

    return pages.render_pnodes(PAGE, pnodes)


def test_the_page_shows_the_output_of_the_command(page: str) -> None:
    pages.check_rendered(PAGE, page)
