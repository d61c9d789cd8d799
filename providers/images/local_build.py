"""A node's image, built with Docker on the user's machine (`build: {docker: true}`) and pushed to its cloud's registry.

The build is a resource of Pulumi's docker-build provider, which finds the changed files by itself; what holds for the
clouds' own builders holds here too: keys and absurd sizes are refused, nothing is built in a preview, an image is named
and deployed by its digest. The provider's package is imported when a node asks for it and not before.
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
# How the provider begins when there is no BuildKit that it can reach; a Dockerfile's mistakes sound otherwise.
_NO_BUILDER = re.compile(
    r"^(getting host|(new|getting|creating|booting) builders?|getting store|loading nodes|checking buildkit|"
    r"buildkit is not supported)|docker (daemon|API) at",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Login:
    """Who pushes to a registry; the password is secret and good for an hour or some."""

    user: str
    password: pulumi.Output[str]


def at_up(ask: Callable[[], pulumi.Output[str]]) -> pulumi.Output[str]:
    """A password, which only an `up` asks for: a preview pushes nothing and may have no right to."""
    return pulumi.Output.secret(cast(str, UNKNOWN) if pulumi.runtime.is_dry_run() else ask())


def build_image(
    node: Node, repository: pulumi.Input[str], login: Login, stack: Stack, opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """Build and push a node's image; REPOSITORY@sha256:HEX."""
    import pulumi_docker_build as docker_build

    source = source_inputs(node)
    try:
        context_of(source).check()
    except ContextError as error:
        raise pulumi.RunError(f"{node.name}: {error}") from None
    server = pulumi.Output.from_input(repository).apply(lambda name: name.split("/")[0])
    image = docker_build.Image(
        node.name,
        context=docker_build.BuildContextArgs(location=source["context"]),
        dockerfile=docker_build.DockerfileArgs(location=source["dockerfile"]),
        build_args=build_arguments(node, stack.model_ids[node.name]),
        # Says which source an image is of. The provider has its own hash of the folder, which notices every change too.
        labels={SOURCE_LABEL: source["sourceDigest"]},
        # Whatever the machine's own processor is.
        platforms=[docker_build.Platform(PLATFORM)],
        # By digest, without a tag: the registries' tags are immutable and a second build of the same source is another
        # image, if only by its dates, so a tag that stands for the source would be refused.
        exports=[
            docker_build.ExportArgs(
                image=docker_build.ExportImageArgs(names=[repository], push=True, push_by_digest=True)
            )
        ],
        push=False,  # the short form of an export, with a tag
        build_on_preview=False,
        # No cache in the registry: the machine's own builder keeps its layers. A new password is no difference to the
        # provider; it is one in the state, where it is encrypted.
        registries=[docker_build.RegistryArgs(address=server, username=login.user, password=login.password)],
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                additional_secret_outputs=["registries"],
                # An image goes with its repository. To delete it, the provider would use the last `up`'s old password.
                retain_on_delete=True,
                hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{node.name}-docker", explain)]),
            ),
        ),
    )
    return pulumi.Output.concat(repository, "@", pulumi.Output.unsecret(image.digest))


def explain(failed: pulumi.ErrorHookArgs) -> bool:
    """Say what to do where there is no Docker, beside the provider's own words. Never asks for another try."""
    if any(_NO_BUILDER.search(error) for error in failed.errors):
        pulumi.log.error(
            f"{failed.name}: its image is built on this machine (build: {{docker: true}}), and no running Docker with "
            "BuildKit was found here. Start Docker and run `pulumi up` again, or take `docker: true` away: then the "
            "node's cloud builds the image."
        )
    return False
