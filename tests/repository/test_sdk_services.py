"""mypy reads those services of the clouds' SDKs that the code uses; it takes the values of all others for `Any`."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pnodes.engine.paths import ROOT
from tests.repository.imports import list_tracked

SDKS = ("pulumi_aws", "pulumi_azure_native", "pulumi_gcp")


def list_read() -> set[str]:
    """Return the modules of the SDKs that mypy reads, such as `pulumi_aws.batch.*`."""
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    (skipped,) = [override["module"] for override in overrides if override.get("follow_imports") == "skip"]
    assert skipped == [f"{sdk}.*" for sdk in SDKS]
    (read,) = [override["module"] for override in overrides if override.get("follow_imports") == "normal"]
    return set(read)


def find_sdk_names(source: str) -> Iterator[tuple[str, str]]:
    """Yield (SDK, name) for each name of an SDK that a module imports or takes as an attribute."""
    tree = ast.parse(source)
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                sdk, _, name = alias.name.partition(".")
                if sdk in SDKS and name:
                    yield sdk, name.partition(".")[0]
                elif sdk in SDKS:
                    aliases[alias.asname or sdk] = sdk
        elif isinstance(node, ast.ImportFrom) and node.module:
            sdk, _, name = node.module.partition(".")
            if sdk in SDKS:
                yield from ((sdk, name.partition(".")[0] or alias.name) for alias in node.names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield aliases[node.value.id], node.attr


def sdk_folder(sdk: str) -> Path:
    """Return the folder of an installed SDK."""
    spec = find_spec(sdk)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def find_module(sdk: str, name: str) -> str:
    """Return the module that defines a name, as in mypy's settings: a service has all its modules."""
    if (sdk_folder(sdk) / name).is_dir():
        return f"{sdk}.{name}.*"
    return str(getattr(importlib.import_module(sdk), name).__module__)


def find_neighbours(sdk: str, service: str) -> Iterator[str]:
    """Yield the services whose types a service uses for its own."""
    for path in (sdk_folder(sdk) / service).rglob("*.py"):
        for name in re.findall(r"^from \.+ import (\w+) as _\w+$", path.read_text(encoding="utf-8"), re.MULTILINE):
            if (sdk_folder(sdk) / name).is_dir():
                yield name


def test_mypy_reads_the_services_that_the_code_uses() -> None:
    sources = [(ROOT / path).read_text(encoding="utf-8") for path in list_tracked() if path.endswith(".py")]
    used = {find_module(*name) for source in sources for name in find_sdk_names(source)}
    services = {module.removesuffix(".*") for module in used if module.endswith(".*")}
    neighbours = {
        f"{sdk}.{name}.*"
        for sdk, _, service in (module.partition(".") for module in services)
        for name in find_neighbours(sdk, service)
    }
    read = list_read()
    assert used | neighbours <= read, f"add to mypy's settings in pyproject.toml: {(used | neighbours) - read}"
    unused = {module for module in read if module.endswith(".*")} - used - neighbours
    assert not unused, f"remove from mypy's settings in pyproject.toml: {unused}"


def test_every_way_to_use_a_service_is_found() -> None:
    source = (
        "import pulumi_aws as aws, pulumi_gcp.storage\nfrom pulumi_azure_native import web\n"
        "from pulumi_azure_native.app import Job\nimport pulumi_gcp\n"
        "def f():\n    return aws.sqs.Queue, pulumi_gcp.pubsub\n"
    )
    assert set(find_sdk_names(source)) == {
        ("pulumi_aws", "sqs"),
        ("pulumi_gcp", "storage"),
        ("pulumi_azure_native", "web"),
        ("pulumi_azure_native", "app"),
        ("pulumi_gcp", "pubsub"),
    }
    assert find_module("pulumi_aws", "sqs") == "pulumi_aws.sqs.*"
    assert find_module("pulumi_aws", "get_region_output") == "pulumi_aws.get_region"
