"""The engine's floor: empty resources of a provider that does nothing, as many as empty.json says."""

import json
from pathlib import Path

import pulumi

wanted = json.loads(Path("empty.json").read_text(encoding="utf-8"))
for number in range(wanted["count"]):
    properties = {"value": "edited" if wanted["edited"] and number == 0 else "first"}
    pulumi.CustomResource("empty:index:Resource", f"resource-{number}", properties)
