"""The sandbox's daemon, with a check of the program's requests.

When it stops, it writes the operations that were called, and what was wrong, to DIR/requests.json, and the rights that
the clouds' identities have used to DIR/granted.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox import daemon
from tests.descriptions.every import Checked
from tests.e2e.granted import Granted

REQUESTS = "requests.json"


class CheckedDaemon(daemon.Daemon):
    """Compares each request of the program with the description of its cloud."""

    def __init__(self, home: Path, cache: Path, executor: str, clocks: bool = True) -> None:
        super().__init__(home, cache, executor, clocks)
        self._checked, self._granted = Checked(super()._find_app), Granted()
        self._granted.watch()

    def _find_app(self, host: str) -> Any:
        return self._checked.find_app(host)

    async def stop(self) -> None:
        await super().stop()
        requests = {"operations": sorted(self._checked.operations), "problems": self._checked.problems}
        (self.home / REQUESTS).write_text(json.dumps(requests, indent=1))
        self._granted.write(self.home)


def main(arguments: Sequence[str]) -> None:
    """Run the daemon in this process until SIGTERM."""
    daemon.Daemon = CheckedDaemon  # type: ignore[misc]
    daemon.main(arguments)
