"""The role of a node's own code, if `aws` of nodes.yaml names policies. Otherwise, the code has no role."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers.aws import roles


class JobRole:
    """The `arn` of the role, empty without one, and `grants`: what a first run needs too."""

    def __init__(self, node: Node, tags: Mapping[str, str], opts: pulumi.ResourceOptions) -> None:
        self.arn: pulumi.Input[str] = ""
        self.grants: list[pulumi.Resource] = []
        if not node.rights:
            return
        role = roles.create_role(
            f"{node.name}-job",
            roles.build_trust_policy("ecs-tasks.amazonaws.com"),
            tags,
            opts,
            f"What the code of the prediction node {node.name} may do",
        )
        self.arn = role.arn
        self.grants = [
            # The names depend on the ARNs, not on their order: a policy that is attached twice would be detached with
            # the first of both attachments.
            aws.iam.RolePolicyAttachment(f"{node.name}-job-{_shorten(arn)}", role=role.name, policy_arn=arn, opts=opts)
            for arn in node.rights
        ]


def _shorten(arn: str) -> str:
    return f"{arn.rsplit('/', 1)[-1]}-{hashlib.sha256(arn.encode()).hexdigest()[:6]}"
