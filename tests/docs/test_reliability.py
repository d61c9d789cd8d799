"""docs/reliability.md shows what the demo's last step prints."""

from __future__ import annotations

import pytest

from pnodes import engine
from pnodes.engine.paths import ROOT
from pnodes.pulumi import Pulumi
from sandbox.cli import hardship
from sandbox.cli.control import Control
from tests.docs import pages
from tests.e2e.world import MakeWorld

PAGE = ROOT / "docs" / "reliability.md"
_START = "```console\n$ pnodes demo\n[...]\n"


def normalise(block: str) -> list[str]:
    """Return the lines without those about what goes on, which a quick job does not show. Their order varies."""
    return sorted(line for line in block.splitlines() if not line.endswith(" runs"))


@pytest.mark.e2e
def test_the_page_shows_the_demo_s_round_in_which_much_goes_wrong(make_world: MakeWorld) -> None:
    world = make_world("")
    pulumi = Pulumi(engine.ensure(print), world.home / hardship.HARD_STACK, world.cli.env)
    lines = ["", f"6/6 {hardship.TITLE}"]
    with Control(world.daemon["control"]) as control:
        control.open_round()  # the demo's first one
        hardship.show_hardship(pulumi, control, lines.append)
    assert lines[-1].startswith("Both nodes have submitted")
    assert not any(world.left().values()), "the step removes what it has deployed"
    block = "".join(f"{line}\n" for line in lines)

    page = PAGE.read_text(encoding="utf-8")
    before, start, rest = page.partition(_START)
    shown, end, after = rest.partition("```\n")
    if normalise(shown) == normalise(block):
        block = shown
    pages.compare(PAGE, before + start + block + end + after)
