"""Determines the needs of a workflow run: the clouds to log in to, and missing settings of the repository.

The clouds are those of the nodes, of the state's backend and of the key that encrypts the stack's secrets; once the
state can be read, also clouds that still have resources of the stack although nodes.yaml no longer names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nodefile import NodeFileError
from nodefile.parse import load
from providers.clouds import list_clouds

PULUMI = "pulumi"
"""The entry among the clouds for a backend at Pulumi Cloud with log-in by OIDC."""

PAGE = "docs/pull-requests.md"


@dataclass(frozen=True)
class Needs:
    """`clouds` to log in to; `missing`: a sentence for each missing setting."""

    clouds: tuple[str, ...]
    missing: tuple[str, ...]


def stack_name(environ: Mapping[str, str]) -> str:
    """Return the stack's short name: the last part of `organization/project/stack`."""
    return environ.get("PULUMI_STACK", "").rsplit("/", 1)[-1]


def find_needs(folder: Path, environ: Mapping[str, str], role: str) -> Needs:
    """Determine the needs before any log-in. `role` is PREVIEW, DRIFT or DEPLOY, and part of the variables' names."""
    backend, stack = environ.get("PULUMI_BACKEND_URL", ""), stack_name(environ)
    settings = _settings(folder, stack)
    provider = str((settings or {}).get("secretsprovider") or "")
    scheme = backend.split("://", 1)[0]
    backends = {**{cloud.state_scheme: cloud.name for cloud in list_clouds()}, "https": PULUMI, "http": PULUMI}
    encrypting = {cloud.name for cloud in list_clouds() if cloud.secrets_scheme == provider.split("://", 1)[0]}
    clouds = {backends.get(scheme, "")} | encrypting | _clouds_of_nodes(folder, stack)
    missing = []
    if not backend:
        missing.append(
            "The variable PULUMI_BACKEND_URL is not set: expected the backend of the stack's state (s3://..., "
            "gs://..., azblob://... or https://api.pulumi.com)."
        )
    elif scheme not in (*backends, "file"):
        missing.append(f"The variable PULUMI_BACKEND_URL begins with {scheme}, expected s3, gs, azblob or https.")
    if settings is None:
        missing.append(
            f"There is no Pulumi.{stack}.yaml. Commit the stack's settings with the project. The variable PULUMI_STACK "
            "names the stack (by default live)."
        )
    elif "encryptionsalt" in settings and not provider and not environ.get("PULUMI_CONFIG_PASSPHRASE"):
        missing.append(
            f"Pulumi.{stack}.yaml is encrypted with a passphrase, but the secret PULUMI_CONFIG_PASSPHRASE is not set."
        )
    if PULUMI in clouds and not environ.get("LOGIN_PULUMI_ORGANIZATION"):
        clouds.discard(PULUMI)
        if not environ.get("PULUMI_ACCESS_TOKEN"):
            missing.append(
                "The state is in Pulumi Cloud, but neither the variable PULUMI_ORGANIZATION (log-in by OIDC) nor the "
                "secret PULUMI_ACCESS_TOKEN is set."
            )
    for cloud in sorted((cloud for cloud in list_clouds() if cloud.name in clouds), key=lambda cloud: cloud.name):
        unset = [variable.format(role) for name, variable in cloud.workflow_login.items() if not environ.get(name)]
        if unset:
            plural = len(unset) > 1
            variables = f"{'variables' if plural else 'variable'} {', '.join(unset)}"
            missing.append(f"{cloud.title} needs the {variables}, which {'are' if plural else 'is'} not set.")
    return Needs(tuple(sorted(clouds - {""})), tuple(missing))


def list_deployed_clouds(deployment: Mapping[str, Any]) -> set[str]:
    """Return the clouds that have resources of a stack, from the output of `pulumi stack export`."""
    resources = (deployment.get("deployment") or {}).get("resources") or []
    packages = {str(resource.get("type", "")).split(":", 1)[0] for resource in resources}
    return {cloud.name for cloud in list_clouds() if cloud.package in packages}


def _clouds_of_nodes(folder: Path, stack: str) -> set[str]:
    """Return the clouds of a stack's nodes; an empty set if nodes.yaml has mistakes, which a later step reports."""
    try:
        return {node.cloud for node in load(folder / "nodes.yaml").select(stack).with_rescues}
    except NodeFileError:
        return set()


def _settings(folder: Path, stack: str) -> dict[str, Any] | None:
    path = folder / f"Pulumi.{stack}.yaml"
    if not stack or not path.is_file():
        return None
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    return settings if isinstance(settings, dict) else {}
