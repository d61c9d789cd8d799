"""What runs is what was built: tags of image repositories cannot be moved, and jobs name their image by its digest.

ACR has no setting for immutable tags (only locks on single images, outside of Resource Manager), so on Azure the digest
is what holds; the registry's shared administrator and anonymous pulls stay off. Cloud Functions moves the tags of the
images that it builds of triggers, and runs copies of its own: that one repository is exempt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from policies.resource import UNKNOWN, Given, Resource, items

MUTABLE = ["gcp-*-triggers"]
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_ECR_IMMUTABLE = "IMMUTABLE"


def immutable_tags(resource: Resource, given: Given) -> Iterator[str]:
    """Repositories and registries."""
    if any(fnmatchcase(resource.name, pattern) for pattern in given.config.get("mutable", MUTABLE)):
        return
    if resource.kind == "aws:ecr:Repository":
        if resource.at("imageTagMutability") not in (_ECR_IMMUTABLE, UNKNOWN):
            yield 'tags of its images can be moved: set imageTagMutability to "IMMUTABLE".'
    elif resource.kind == "gcp:artifactregistry:Repository":
        if resource.at("format") == "DOCKER" and resource.at("dockerConfig.immutableTags") not in (True, UNKNOWN):
            yield "tags of its images can be moved: set dockerConfig.immutableTags to true."
    elif resource.kind == "azure-native:containerregistry:Registry":
        if resource.at("adminUserEnabled") is True:
            yield "its administrator, whose password many share and who may move tags, is on: adminUserEnabled is true."
        if resource.at("anonymousPullEnabled") is True:
            yield "anybody may pull its images: anonymousPullEnabled is true."


def images_by_digest(resource: Resource, _given: Given) -> Iterator[str]:
    """The containers of jobs."""
    for image in _images(resource):
        if isinstance(image, str) and not _DIGEST.search(image):
            yield f"the image {image} is named by a tag, which may move: name it by @sha256:DIGEST."


def _images(resource: Resource) -> list[Any]:
    if resource.kind == "aws:batch:JobDefinition":
        container = resource.at("containerProperties")
        if isinstance(container, str):
            try:
                container = json.loads(container)
            except ValueError:
                return []
        return [container.get("image")] if isinstance(container, Mapping) else []
    places = {"gcp:cloudrunv2:Job": "template.template.containers", "azure-native:app:Job": "template.containers"}
    containers = items(resource.at(places[resource.kind])) if resource.kind in places else []
    return [container.get("image") for container in containers if isinstance(container, Mapping)]
