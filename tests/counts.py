"""Counts that must not grow unnoticed: compared with tests/counts.json, which is committed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")
UPDATE = "PNODES_UPDATE_COUNTS"


def assert_counts(name: str, counts: Any) -> None:
    """Compare counts with the committed ones; with PNODES_UPDATE_COUNTS=1, commit to these instead."""
    committed: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if os.environ.get(UPDATE):
        text = json.dumps({**committed, name: counts}, indent=2, sort_keys=True)
        FILE.write_text(text + "\n", encoding="utf-8")
        return
    expected, actual = _flatten(committed.get(name, {})), _flatten(counts)
    changed = [
        f"  {key}: {expected.get(key, 'absent')} -> {actual.get(key, 'absent')}"
        for key in sorted(expected.keys() | actual.keys())
        if expected.get(key) != actual.get(key)
    ]
    assert not changed, (
        f'The counts "{name}" are not those of {FILE.name}:\n' + "\n".join(changed) + "\n"
        "If a count grew by accident, fix the code. If the change is intended, run these tests with "
        f"{UPDATE}=1 -n0, commit {FILE.name}, and say in the commit's message why."
    )


def _flatten(value: Any, path: str = "") -> dict[str, Any]:
    """Return each innermost value by its path."""
    if not isinstance(value, dict):
        return {path: value}
    return {place: item for key in value for place, item in _flatten(value[key], f"{path}/{key}".lstrip("/")).items()}
