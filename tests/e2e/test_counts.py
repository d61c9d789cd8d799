"""How many resources and calls the first and an unchanged `up` of a standard fleet take."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from tests.counts import assert_counts
from tests.e2e.nodes import CLOUDS, node, nodes
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
_CALL = re.compile(
    r"sandbox\.gateway: call: deployer (?P<call>(?P<method>\S+) (?P<host>[^/\s]+)\S* (?P<operation>\S+))$"
)
_ENGINE = re.compile(r"sandbox\.plugin: call: engine (?P<what>\w+) (?P<package>[\w-]+):")
_READS = re.compile(r"(GET|HEAD) |POST logging\.googleapis\.com/|.*\.(BatchGet|Get|List|Describe)\w+$")


def count_calls(lines: Sequence[str]) -> dict[str, int]:
    """Count the calls of the deploying machine by domain, and those of the engine to the clouds' providers.

    The same reading call counts once: how often a build is asked for its state depends on the time that it takes.
    """
    counts: Counter[str] = Counter()
    reads: set[str] = set()
    for line in lines:
        if match := _ENGINE.search(line):
            counts[f"engine {match['what']} {match['package']}"] += 1
        elif (match := _CALL.search(line)) and match["call"] not in reads:
            counts[f"{match['method']} {'.'.join(match['host'].split('.')[-2:])}"] += 1
            if _READS.match(match["call"]):
                reads.add(match["call"])
    return dict(counts)


def test_what_a_standard_fleet_takes(make_world: Callable[[str], World]) -> None:
    models = {"aws": "classic", "gcp": "signals", "azure": "crypto"}
    world = make_world(nodes(*(node(f"on-{cloud}", cloud, models[cloud]) for cloud in CLOUDS)))
    log = world.home / "daemon.log"
    counts = {}
    for name in ("first up", "unchanged up"):
        before = len(log.read_text(encoding="utf-8").splitlines())
        operations = world.cli.up()
        calls = count_calls(log.read_text(encoding="utf-8").splitlines()[before:])
        counts[name] = {"calls": calls, "resources": operations}
    assert_counts("deploying one node on each cloud", counts)
