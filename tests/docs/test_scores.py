"""docs/how-to/scores.md: its blocks show what the command prints about models of the sandbox's Numerai."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT
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

    def write(block: re.Match[str]) -> str:
        output = pnodes(*block[1].split()).stdout
        text = "\n".join(line.rstrip() for line in output.splitlines())
        return f"```console\n$ pnodes {block[1]}\n{text}\n```\n"

    return re.sub(r"```console\n\$ pnodes (.*)\n(?:.*\n)*?```\n", write, PAGE.read_text(encoding="utf-8"))


def test_the_page_shows_the_output_of_the_command(page: str) -> None:
    if os.environ.get("PNODES_REWRITE_PAGES"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "PNODES_REWRITE_PAGES=1 writes the page anew"
    assert max(len(line) for line in page.splitlines()) <= 120
