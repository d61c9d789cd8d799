"""The objections of the SDKs' types and the providers' schemas to registered resources."""

from __future__ import annotations

from typing import Any

from docs.generate.recorder import DOCKER_IMAGE, Program, Registered
from sandbox import schema, sdk_types


def objections(package: str, resource: Registered, inputs: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """Return the objections of the SDK's types and the provider's schema to a resource's inputs."""
    if not resource.type.startswith(f"{package}:"):
        return []
    given = resource.inputs if inputs is None else inputs
    return [*sdk_types.check(resource.type, given), *schema.load(package).check(resource.type, given)]


def docker_image(program: Program, node: str, repository: str, user: str, password: str) -> None:
    """Assert that a node with `docker: true` has, instead of a build in the cloud, one image that is pushed to this
    repository with this login."""
    image = program.find(DOCKER_IMAGE, node)
    assert objections("docker-build", image) == []
    assert not [each for each in program.list_owned(node) if each.type.endswith("ImageBuild")]
    assert program.find_owner(image).name == node
    said = image.inputs
    assert (said["context"], said["dockerfile"]) == ({"location": "m"}, {"location": "m/Dockerfile"})
    assert (said["platforms"], said["buildOnPreview"]) == (["linux/amd64"], False)
    # No tags: registries with immutable tags would refuse them.
    (export,) = [each["image"] for each in said["exports"]]
    assert (export["names"], export["push"], export["pushByDigest"]) == ([repository], True, True)
    assert (said["push"], said.get("tags")) == (False, None)
    assert said["buildArgs"].items() >= {"SRC_PATH": ".", "MODEL_ID": program.find_node(node).model}.items()
    assert said["registries"] == [{"address": repository.split("/")[0], "username": user, "password": password}]
    assert image.secrets == {"registries"}
    assert "registries" in image.secret_outputs
    assert image.retained
