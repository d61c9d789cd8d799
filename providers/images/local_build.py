"""Builds a node's image with Docker on the user's machine (`build: {docker: true}`) and pushes it to its registry.

The build is a resource of Pulumi's docker-build provider, which detects changed files itself. The same rules apply as
for the clouds' builders, except on size: contexts that contain keys are rejected, a preview builds nothing, and images
are deployed by digest. The provider's package is imported only if a node needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import pulumi
from pulumi.output import UNKNOWN

from nodefile import Node
from providers.component import Stack
from providers.images.arguments import build_arguments
from providers.images.build import PLATFORM, context_of, source_inputs
from providers.images.context import ContextError

SOURCE_LABEL = "prediction-nodes.source"
# How the provider's messages begin if it cannot reach BuildKit; messages about a Dockerfile begin differently.
_NO_BUILDER = re.compile(
    r"^(getting host|(new|getting|creating|booting) builders?|getting store|loading nodes|checking buildkit|"
    r"buildkit is not supported)|docker (daemon|API) at",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Login:
    """The credentials for pushing to a registry. The password is secret and valid for an hour or a few."""

    user: str
    password: pulumi.Output[str]


def at_up(ask: Callable[[], pulumi.Output[str]]) -> pulumi.Output[str]:
    """Return a password that only `up` requests: a preview pushes nothing and may lack the permission."""
    return pulumi.Output.secret(cast(str, UNKNOWN) if pulumi.runtime.is_dry_run() else ask())


def build_image(
    node: Node, repository: pulumi.Input[str], login: Login, stack: Stack, opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """Build and push a node's image, and return its name: REPOSITORY@sha256:HEX."""
    import pulumi_docker_build as docker_build

    source = source_inputs(node)
    try:
        context_of(source).check(uploaded=False)
    except ContextError as error:
        raise pulumi.RunError(f"{node.name}: {error}") from None
    server = pulumi.Output.from_input(repository).apply(lambda name: name.split("/")[0])
    image = docker_build.Image(
        node.name,
        context=docker_build.BuildContextArgs(location=source["context"]),
        dockerfile=docker_build.DockerfileArgs(location=source["dockerfile"]),
        build_args=build_arguments(node, stack.model_ids[node.name]),
        # Identifies the image's source. The provider detects changes with a hash of its own.
        labels={SOURCE_LABEL: source["sourceDigest"]},
        # Also on machines with another processor.
        platforms=[docker_build.Platform(PLATFORM)],
        # By digest, without a tag: a second build of the same source is a different image (dates differ), and the
        # registries' immutable tags would reject it under the same tag.
        exports=[
            docker_build.ExportArgs(
                image=docker_build.ExportImageArgs(names=[repository], push=True, push_by_digest=True)
            )
        ],
        push=False,  # the short form of an export, with a tag
        build_on_preview=False,
        # No cache in the registry: the machine's own builder keeps its layers. A new password changes only the state,
        # where it is encrypted, and causes no build.
        registries=[docker_build.RegistryArgs(address=server, username=login.user, password=login.password)],
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                additional_secret_outputs=["registries"],
                # Images are deleted with their repository. The provider would use the last `up`'s expired password.
                retain_on_delete=True,
                hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{node.name}-docker", explain)]),
            ),
        ),
    )
    return pulumi.Output.concat(repository, "@", pulumi.Output.unsecret(image.digest))


def explain(failed: pulumi.ErrorHookArgs) -> bool:
    """Add advice to the provider's error if Docker is missing. Returns False: the build is not retried."""
    if any(_NO_BUILDER.search(error) for error in failed.errors):
        pulumi.log.error(
            f"{failed.name}: its image is built on this machine (build: {{docker: true}}), but no running Docker with "
            "BuildKit was found. Start Docker and run `pulumi up` again, or remove `docker: true` to build the image "
            "in the node's cloud."
        )
    return False
