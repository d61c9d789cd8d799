"""The season's rounds and nodes: Tuesday to Saturday, three tournaments, nodes spread over three clouds."""

from __future__ import annotations

import hashlib
import math
import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trigger.numerai_api import TOURNAMENTS
from trigger.table import Row

CLOUDS = ("aws", "gcp", "azure")
FIRST_DAY = datetime(2026, 1, 6, tzinfo=UTC)
"""A Tuesday."""
OPENS_HOUR = 12
WEEKDAY_SECONDS, SATURDAY_SECONDS = 3600, 24 * 3600
AFTER_SECONDS = 900
WATCH = f"{AFTER_SECONDS}-2"
"""The default of `watch` in nodes.yaml: after 15 minutes, two repeats."""
RESCUE_WATCH = "1800-2"
"""The default of `rescue`: after 30 minutes."""


@dataclass(frozen=True)
class Node:
    """A node; its model usually takes `seconds`."""

    name: str
    cloud: str
    tournament: str
    model_id: str
    token: str
    seconds: float

    @property
    def timeout(self) -> float:
        """The key of nodes.yaml: twice the usual time, so that a run that hangs leaves time for another one."""
        return 2 * self.seconds

    @property
    def rescue_cloud(self) -> str:
        """The cloud of the node's rescue: the next one."""
        return CLOUDS[(CLOUDS.index(self.cloud) + 1) % len(CLOUDS)]

    def make_row(self, cloud: str, watch: str) -> Row:
        """Return a row for the node in a cloud's table; `watch` is its column."""
        job, queue, keys = {
            "aws": (self.name, "queue", f"numerai/{self.name}"),
            "gcp": (self.name, "", "public~secret"),
            "azure": (
                f"/subscriptions/s/resourceGroups/g/providers/Microsoft.App/jobs/{self.name}",
                "",
                "https://v.vault.azure.net/secrets/public~https://v.vault.azure.net/secrets/secret",
            ),
        }[cloud]
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        keys = keys if watch else ""
        return Row(self.model_id, self.name, digest, job, queue, "yes", "", "", self.tournament, watch, keys)


@dataclass(frozen=True)
class SeasonRound:
    """A round of one tournament."""

    tournament: str
    number: int
    opens: float
    closes: float


def make_nodes(number: int) -> list[Node]:
    """Return nodes on the clouds in turn, whose runs take five to twelve minutes. The same for all seeds."""
    random_ = random.Random("fleet")  # noqa: S311 - a simulation
    tournaments = list(TOURNAMENTS)
    return [
        Node(
            name=f"node-{index}",
            cloud=CLOUDS[index % len(CLOUDS)],
            tournament=tournaments[index // len(CLOUDS) % len(tournaments)],
            model_id=str(uuid.UUID(int=random_.getrandbits(128), version=4)),
            token=f"{random_.getrandbits(192):048x}",
            seconds=60 * math.exp(random_.uniform(math.log(5), math.log(12))),
        )
        for index in range(number)
    ]


def make_rounds(weeks: int) -> list[SeasonRound]:
    """Return the rounds in order: Tuesday to Friday one hour, Saturday a day."""
    rounds = []
    for week in range(weeks):
        for day in range(5):
            opens = FIRST_DAY + timedelta(weeks=week, days=day, hours=OPENS_HOUR)
            seconds = SATURDAY_SECONDS if day == 4 else WEEKDAY_SECONDS
            for index, tournament in enumerate(TOURNAMENTS):
                number = 1000 * (index + 1) + 5 * week + day
                rounds.append(SeasonRound(tournament, number, opens.timestamp(), opens.timestamp() + seconds))
    return rounds
