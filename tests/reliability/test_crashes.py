"""The function dies before or after each call that it makes, and the round is still submitted once."""

from __future__ import annotations

from itertools import count

import pytest

from tests.reliability.fleet import CLOUDS
from tests.reliability.functions import FUNCTION_SECONDS, Call, Process
from tests.reliability.rates import NONE
from tests.reliability.season import Season

MOST_STEPS = 25


class DyingSeason(Season):
    """One node and one week, in which each round's webhook (or each round's passes) dies at a step."""

    def __init__(self, cloud: str, route: str, step: int, after: bool) -> None:
        super().__init__(1, NONE, len(CLOUDS), 1)
        self.nodes = [node for node in self.nodes if node.cloud == cloud]
        self.rounds = [round_ for round_ in self.rounds if round_.tournament == self.nodes[0].tournament]
        self.regions = {cloud: self.regions[cloud]}
        self.deaths, self.chosen = 0, False
        functions, original = self.functions, self.functions.run

        def run(call: Call, act: object) -> object:
            if self.chosen:
                self.chosen = False
                call.dies_at = (step, after)
            result = original(call, act)  # type: ignore[arg-type]
            self.deaths += result is None
            return result

        self.route, self.passes = route, count()
        functions.run = run  # type: ignore[method-assign]

    def call_webhook(self, *arguments: object) -> int | None:
        if self.route == "no webhook":
            return 200
        self.chosen = self.route == "webhook"
        return super().call_webhook(*arguments)  # type: ignore[arg-type]

    def _pass(self, *arguments: object) -> None:
        # Every second pass dies.
        self.chosen = self.route != "webhook" and next(self.passes) % 2 == 0
        super()._pass(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("route", ["webhook", "pass", "no webhook"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_function_that_dies_at_any_step_costs_no_round_and_starts_no_second_run(cloud: str, route: str) -> None:
    deaths = []
    for step in range(1, MOST_STEPS):
        for after in (False, True):
            season = DyingSeason(cloud, route, step, after)
            season.run()
            place = f"step {step}, {'after' if after else 'before'} its effect"
            assert not [*season.jobs.at_the_same_time, *season.jobs.for_one_start], place
            for round_ in season.rounds:
                times = season.numerai.submissions.get((season.nodes[0].name, round_.number), [])
                assert times, f"{place}: round {round_.number} was missed"
                assert min(times) <= round_.closes, place
            deaths.append(season.deaths)
    assert deaths[0] > 0
    assert deaths[-1] == 0, "there may be more steps than were tried"


def test_a_process_has_the_clouds_own_classes() -> None:
    names = {cloud: type(Process(cloud, lambda: 0.0, lambda _: None).trigger._store).__module__ for cloud in CLOUDS}
    assert names == {"aws": "trigger.aws", "gcp": "trigger.gcp", "azure": "trigger.azure"}
    assert FUNCTION_SECONDS == 60
