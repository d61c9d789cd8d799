"""What a run of a workflow needs: which clouds to log in to, and which settings of the repository are missing.

Clouds are those of the nodes, of the state's backend and of the key that encrypts the stack's secrets; once the state
can be read, also those that still hold something of the stack although nodes.yaml does not name them any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nodefile import NodeFileError
from nodefile.clouds import REGIONS
from nodefile.parse import load
from providers.clouds import find_cloud, find_package, list_clouds

PULUMI = "pulumi"
"""Stands among the clouds for Pulumi Cloud as the state's backend, when it is logged in to by OIDC."""

PAGE = "docs/pull-requests.md"


@dataclass(frozen=True)
class Needs:
    """`clouds` to log in to; `missing`: a sentence for each thing that is not set up."""

    clouds: tuple[str, ...]
    missing: tuple[str, ...]


def set_up(environ: Mapping[str, str]) -> bool:
    """Whether anybody has begun to set the workflows up: a copy of the project begins without."""
    return bool(environ.get("PULUMI_BACKEND_URL"))


def stack_name(environ: Mapping[str, str]) -> str:
    """The stack's own name, of `organization/project/stack` the last."""
    return environ.get("PULUMI_STACK", "").rsplit("/", 1)[-1]


def find(folder: Path, environ: Mapping[str, str], role: str) -> Needs:
    """Before anything is logged in. `role` is PREVIEW, DRIFT or DEPLOY, and stands in the variables' names."""
    backend, stack = environ.get("PULUMI_BACKEND_URL", ""), stack_name(environ)
    settings = _settings(folder, stack)
    provider = str((settings or {}).get("secretsprovider") or "")
    scheme = backend.split("://", 1)[0]
    backends = {**{cloud.state_scheme: cloud.name for cloud in list_clouds()}, "https": PULUMI, "http": PULUMI}
    secrets_providers = {cloud.secrets_scheme: cloud.name for cloud in list_clouds()}
    clouds = {backends.get(scheme, ""), secrets_providers.get(provider.split("://", 1)[0], ""), *_of_nodes(folder)}
    missing = []
    if not backend:
        missing.append(
            "The variable PULUMI_BACKEND_URL says where the stack's state lies (s3://..., gs://..., azblob://... or "
            "https://api.pulumi.com) and is not set."
        )
    elif scheme not in (*backends, "file"):
        missing.append(f"The variable PULUMI_BACKEND_URL begins with {scheme}, expected s3, gs, azblob or https.")
    if settings is None:
        missing.append(
            f"There is no Pulumi.{stack}.yaml: the stack's settings are committed with the project. The variable "
            "PULUMI_STACK names the stack (live when it is not set)."
        )
    elif "encryptionsalt" in settings and not provider and not environ.get("PULUMI_CONFIG_PASSPHRASE"):
        missing.append(
            f"Pulumi.{stack}.yaml is encrypted with a passphrase, and the secret PULUMI_CONFIG_PASSPHRASE is not set."
        )
    if PULUMI in clouds and not environ.get("LOGIN_PULUMI_ORGANIZATION"):
        clouds.discard(PULUMI)
        if not environ.get("PULUMI_ACCESS_TOKEN"):
            missing.append(
                "The state is in Pulumi Cloud, and neither the variable PULUMI_ORGANIZATION (log-in by OIDC) nor the "
                "secret PULUMI_ACCESS_TOKEN is set."
            )
    for cloud in (find_cloud(name) for name in sorted(clouds & REGIONS.keys())):
        unset = [variable.format(role) for name, variable in cloud.workflow_login.items() if not environ.get(name)]
        if unset:
            plural = "variables" if len(unset) > 1 else "variable"
            missing.append(f"{cloud.title} is needed, and not set: the {plural} {', '.join(unset)}.")
    return Needs(tuple(sorted(clouds - {""})), tuple(missing))


def of_state(deployment: Mapping[str, Any]) -> set[str]:
    """The clouds that hold something of a stack, from what `pulumi stack export` prints."""
    resources = (deployment.get("deployment") or {}).get("resources") or []
    packages = {str(one.get("type", "")).split(":", 1)[0] for one in resources}
    return {cloud.name for package in packages if (cloud := find_package(package))}


def _of_nodes(folder: Path) -> set[str]:
    """None where nodes.yaml has mistakes: whoever reads it next says which."""
    try:
        return {node.cloud for node in load(folder / "nodes.yaml").nodes}
    except NodeFileError:
        return set()


def _settings(folder: Path, stack: str) -> dict[str, Any] | None:
    path = folder / f"Pulumi.{stack}.yaml"
    if not stack or not path.is_file():
        return None
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}
