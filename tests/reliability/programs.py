"""The programs that are compared: this project, with and without its parts, and numerai-cli's Lambda."""

from __future__ import annotations

from tests.reliability.numerai_cli import NumeraiCliSeason, find_archive
from tests.reliability.rates import Rates
from tests.reliability.results import Result, measure
from tests.reliability.season import HAS_RESCUE, Season

RESCUE, WATCH, WEBHOOK = "watch and rescue", "watch", "webhooks only"
NUMERAI_CLI = "numerai-cli's Lambda"


def list_programs() -> list[str]:
    """Return the names of those that can be run here."""
    return [*([RESCUE] if HAS_RESCUE else []), WATCH, WEBHOOK, *([NUMERAI_CLI] if find_archive() else [])]


def run_season(program: str, seed: int, times: float, nodes: int, weeks: int) -> Result:
    """Run one season of one program."""
    rates = Rates().scale(times)
    if program == NUMERAI_CLI:
        season: Season = NumeraiCliSeason(seed, rates, nodes, weeks)
    else:
        season = Season(seed, rates, nodes, weeks, watched=program != WEBHOOK, rescued=program == RESCUE)
    season.run()
    return measure(season, program, seed, times)


def run_one(arguments: tuple[str, int, float, int, int]) -> Result:
    """Run one season, for a pool of processes."""
    return run_season(*arguments)
