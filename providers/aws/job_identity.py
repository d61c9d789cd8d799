"""The keys of one Numerai account in a region, and the role that starts the containers of the account's jobs.

The role belongs to the container agent, which pulls the image, reads the keys and writes the log. The code in the
container has no role. Each account has its own role, so no job can be given the keys of another account.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers.aws import roles
from providers.component import Stack, reference_keys


class JobIdentity:
    """The `role`, the ARNs of the account's `secrets` by the container's variables, and the `grants` of a first run."""

    def __init__(
        self,
        region: str,
        node: Node,
        stack: Stack,
        repositories: pulumi.Output[str],
        logs: aws.cloudwatch.LogGroup,
        own: pulumi.ResourceOptions,
    ) -> None:
        """`node` is any node of the account, `repositories` an ARN with /*."""
        names, tags = reference_keys(node), stack.tags()
        secrets = {variable: _create_secret(f"{name}-{region}", region, tags, own) for variable, name in names.items()}
        self.secrets: Mapping[str, pulumi.Output[str]] = {name: secret.arn for name, secret in secrets.items()}
        versions = [
            aws.secretsmanager.SecretVersion(
                f"{name}-{region}",
                secret_id=secrets[variable].id,
                secret_string=stack.keys[name],
                region=region,
                opts=own,
            )
            for variable, name in names.items()
        ]
        logical = f"aws-{region}-run{f'-{node.account}' if node.account else ''}"
        self.role = roles.create_role(
            logical,
            roles.build_trust_policy("ecs-tasks.amazonaws.com"),
            tags,
            own,
            "Pulls images and keys for prediction nodes",
        )
        policy = roles.attach_policy(
            logical,
            self.role,
            pulumi.Output.all(repositories, logs.arn, *self.secrets.values()).apply(
                lambda arns: roles.build_execution_policy(arns[0], arns[1], arns[2:])
            ),
            own,
        )
        self.grants: list[pulumi.Resource] = [policy, *versions]


def _create_secret(
    name: str, region: str, tags: Mapping[str, str], own: pulumi.ResourceOptions
) -> aws.secretsmanager.Secret:
    return aws.secretsmanager.Secret(
        name,
        description="Numerai API key of the prediction nodes",
        # The value is in the stack's configuration, so recovery is not needed, and the name can be reused at once.
        recovery_window_in_days=0,
        region=region,
        tags=tags,
        opts=own,
    )
