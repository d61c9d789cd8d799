"""Print, as JSON, what registering a standard fleet on one cloud takes: `python -m tests.providers.registered CLOUD`.

A process of its own, because the modules that it imports and the files that it opens are counted.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

from docs.generate.recorder import Program, make_model, register

PULUMI = ("pulumi_aws.", "pulumi_gcp.", "pulumi_azure_native.", "pulumi_docker_build.")
OTHERS = (
    "boto3",
    "azure.identity",
    "google.auth",
    "httpx",
    "jinja2",
    "numerapi",
    "numpy",
    "pandas",
    "requests",
    "rich",
)
_NODES = """\
nodes:
  alpha: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01, cloud: {cloud}, source: m}}
  beta: {{model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02, cloud: {cloud}, source: m, schedule: "30 14 * * 2-6"}}
"""


def count(cloud: str) -> dict[str, Any]:
    """Register two nodes that share a model, the second one with a schedule; count what it takes."""
    opened: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        folder = Path(temporary).resolve()
        make_model(folder)
        (folder / "m" / "weights.bin").write_bytes(b"w" * 2**20)
        for path in (folder / "m").iterdir():
            os.utime(path, (0, 0))  # a file that has just changed is read for each node (providers.images.once)
        models = str(folder / "m")

        def note(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
                path = os.path.realpath(os.fsdecode(arguments[0]))
                if path.startswith(models):
                    opened[Path(path).name] += 1

        sys.addaudithook(note)
        mocks = importlib.import_module(f"docs.generate.mocks.{cloud}").Mocks()
        resources, nodes = register(mocks, _NODES.format(cloud=cloud), "prediction-nodes", "live")
    program = Program(resources, nodes)
    resources = [each for each in program.list_resources() if not each.type.startswith("prediction-nodes:")]
    owners = Counter(f"{owner.type.rsplit(':', 1)[-1]} {owner.name}" for owner in map(program.find_owner, resources))
    return {"resources": dict(owners), "modules": _modules(), "files opened": dict(opened)}


def _modules() -> dict[str, Any]:
    """Return the services of Pulumi's SDKs that were imported, and the other heavy packages.

    The SDKs put a placeholder into sys.modules for each service, which becomes a module when it is used.
    """
    used = {name for name, module in list(sys.modules.items()) if type(module) is ModuleType}
    services = sorted(
        name
        for name in used
        if name.count(".") == 1 and name.startswith(PULUMI) and hasattr(sys.modules[name], "__path__")
    )
    return {"services": services, "others": sorted(used & set(OTHERS))}


if __name__ == "__main__":
    print(json.dumps(count(sys.argv[1])))
