"""Check the engine's plugins for the clouds in use: attached, on PATH, installed in the SDK's version, or downloadable.

The engine uses the version that the program's SDK names. The next `up` downloads a missing plugin from the address in
the SDK or from get.pulumi.com, unless downloads are switched off or fail.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata

import httpx

from pnodes.pulumi import Pulumi
from providers.clouds import find_cloud
from providers.findings import Finding, failed, ok, warning

_HOST = "https://get.pulumi.com/releases/plugins"
_OFF = ("true", "1", "t")
_TIMEOUT = 20


def list_needed(clouds: Iterable[str], docker: bool) -> list[str]:
    """Return the names of the plugins that these clouds need, and the one for nodes that are built with Docker."""
    return [find_cloud(cloud).package for cloud in sorted(set(clouds))] + (["docker-build"] if docker else [])


def examine(names: Iterable[str], pulumi: Pulumi) -> Iterator[Finding]:
    """Yield one finding for each plugin."""
    result = pulumi.run("plugin", "ls", "--json")
    installed: dict[str, list[str]] = {}
    for plugin in json.loads(result.stdout or "[]") if not result.returncode else []:
        if plugin.get("kind") == "resource":
            installed.setdefault(plugin["name"], []).append(str(plugin.get("version") or ""))
    for name in names:
        yield _check(name, installed.get(name, []))


def _check(name: str, installed: list[str]) -> Finding:
    try:
        version = metadata.version(f"pulumi-{name}")
    except metadata.PackageNotFoundError:
        return failed(f"plugin {name}", f"the Python package pulumi-{name} is not installed.", "make setup")
    check, sdk = f"plugin {name}", f"the SDK pulumi-{name}"
    if any(entry.split(":")[0] == name for entry in os.environ.get("PULUMI_DEBUG_PROVIDERS", "").split(",")):
        return ok(check, "a running plugin is attached with PULUMI_DEBUG_PROVIDERS.")
    if shutil.which(f"pulumi-resource-{name}"):
        return warning(check, f"the plugin on PATH is used, whatever its version; {sdk} expects {version}.")
    if version in installed:
        return ok(check, f"{version} is installed, as {sdk} expects.")
    mend = f"pulumi plugin install resource {name} {version}"
    others = f" ({', '.join(sorted(installed))} {'is' if len(installed) == 1 else 'are'})" if installed else ""
    if os.environ.get("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "").lower() in _OFF:
        text = f"{version}, which {sdk} expects, is not installed{others}, and downloads are switched off."
        return failed(check, text, mend)
    problem = _unreachable(name, version)
    if problem:
        return failed(check, f"{version} is not installed{others} and cannot be downloaded: {problem}.", mend)
    return ok(check, f"{version} is not installed yet{others}; the next `pulumi up` downloads it.")


def _unreachable(name: str, version: str) -> str:
    """Return why the plugin cannot be downloaded; empty if it can."""
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    system = "darwin" if sys.platform == "darwin" else "linux"
    if machine is None:
        return f"there is no plugin for {platform.machine()}"
    address = f"{_HOST}/pulumi-resource-{name}-v{version}-{system}-{machine}.tar.gz"
    try:
        answer = httpx.head(address, timeout=_TIMEOUT, follow_redirects=True)
    except httpx.HTTPError as error:
        return f"no answer from get.pulumi.com ({type(error).__name__})"
    return "" if answer.is_success else f"get.pulumi.com answers HTTP {answer.status_code} for {system}-{machine}"
