"""Ensures that jobs run the image that was built: tags cannot be moved, and jobs name their image by its digest.

ACR has no setting for immutable tags (only locks on single images, outside Resource Manager), so on Azure only the
digest guarantees this; the registry's shared administrator and anonymous pulls must be disabled. Cloud Functions moves
the tags of the trigger images that it builds, and runs its own copies, so that repository is exempt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from policies.resource import UNKNOWN, Context, Resource, as_list, parse_json

MUTABLE = ["gcp-*-triggers"]
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_ECR_IMMUTABLE = "IMMUTABLE"


def immutable_tags(resource: Resource, context: Context) -> Iterator[str]:
    """Check repositories and registries."""
    if any(fnmatchcase(resource.name, pattern) for pattern in context.config.get("mutable", MUTABLE)):
        return
    if resource.kind == "aws:ecr:Repository":
        if resource.get("imageTagMutability") not in (_ECR_IMMUTABLE, UNKNOWN):
            yield 'its image tags can be moved: set imageTagMutability to "IMMUTABLE".'
    elif resource.kind == "gcp:artifactregistry:Repository":
        if resource.get("format") == "DOCKER" and resource.get("dockerConfig.immutableTags") not in (True, UNKNOWN):
            yield "its image tags can be moved: set dockerConfig.immutableTags to true."
    elif resource.kind == "azure-native:containerregistry:Registry":
        if resource.get("adminUserEnabled") is True:
            yield "its shared administrator, who may move tags, is enabled: set adminUserEnabled to false."
        if resource.get("anonymousPullEnabled") is True:
            yield "anyone can pull its images: set anonymousPullEnabled to false."


def images_by_digest(resource: Resource, _context: Context) -> Iterator[str]:
    """Check the containers of jobs."""
    for image in _list_images(resource):
        if isinstance(image, str) and not _DIGEST.search(image):
            yield f"the image {image} is named by a tag, which can be moved: name it by @sha256:DIGEST."


def _list_images(resource: Resource) -> list[Any]:
    if resource.kind == "aws:batch:JobDefinition":
        container = parse_json(resource.get("containerProperties"))
        return [container.get("image")] if isinstance(container, Mapping) else []
    paths = {"gcp:cloudrunv2:Job": "template.template.containers", "azure-native:app:Job": "template.containers"}
    containers = as_list(resource.get(paths[resource.kind])) if resource.kind in paths else []
    return [container.get("image") for container in containers if isinstance(container, Mapping)]
