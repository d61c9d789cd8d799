"""`make reliability ONLY=rights`: removes each right of each cloud's identities, for half an hour.

The outcomes go to .build/reliability/rights.jsonl, a line for each, and as a table to docs/reliability.md. Exits with 1
if nothing failed without a right, and no real cloud needs it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from pnodes.engine.paths import ROOT
from tests.e2e.nodes import CLOUDS
from tests.reliability.rights.removal import Outcome, try_all

_RESULTS = Path(".build/reliability/rights.jsonl")
_PAGE = ROOT / "docs" / "reliability.md"
_BEGIN, _END = "<!-- rights: written by the command -->", "<!-- end of rights -->"


def main() -> int:
    """Try the rights of the clouds that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.rights", description=__doc__)
    parser.add_argument("--clouds", nargs="+", choices=CLOUDS, default=CLOUDS)
    parser.add_argument("--page", action="store_true", help="rewrite the figures in docs/reliability.md")
    options = parser.parse_args()
    _RESULTS.parent.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="rights-") as folder, _RESULTS.open("w") as file:
        for cloud in options.clouds:
            for outcome in try_all(cloud, Path(folder)):
                outcomes.append(outcome)
                print(json.dumps(asdict(outcome)), file=file, flush=True)
                print(
                    f"{outcome.identity}: {outcome.right}: {outcome.failed or outcome.reason or 'NOTHING'}", flush=True
                )
    if options.page:
        rewrite(outcomes)
    return 1 if any(not outcome.failed and not outcome.reason for outcome in outcomes) else 0


def rewrite(outcomes: list[Outcome]) -> None:
    """Replace the table in docs/reliability.md."""
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{write_table(outcomes)}\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")


def write_table(outcomes: list[Outcome]) -> str:
    """Return the table: by cloud and by what failed, how many rights were tried."""
    rows = ["| cloud | rights tried | something failed | only a real cloud needs them | superfluous | what failed |"]
    rows.append("| --- | ---: | ---: | ---: | ---: | --- |")
    for cloud in dict.fromkeys(outcome.cloud for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.cloud == cloud]
        failed = [outcome.failed for outcome in own if outcome.failed]
        reasons = sum(bool(outcome.reason) for outcome in own)
        figures = (len(own), len(failed), reasons, len(own) - len(failed) - reasons)
        counted = ", ".join(f"{what} ({failed.count(what)})" for what in sorted(set(failed), key=failed.count)[::-1])
        rows.append(f"| {cloud} | {' | '.join(map(str, figures))} | {counted} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
