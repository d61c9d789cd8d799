"""The keys of one Numerai account in a region, and the role that starts the containers of the account's jobs.

The role belongs to the container agent, which pulls the image, reads the keys and writes the log. The code in the
container has no role. Each account has its own role, so no job can be given the keys of another account.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers.aws import roles
from providers.component import Stack, reference_keys


class JobIdentity:
    """The `role`, the `keys` as references by the container's variables, and `grants`: what a first run needs too.

    `secret` holds both keys.
    """

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
        suffix = f"-{node.account}" if node.account else ""
        name, names = f"numerai-keys{suffix}-{region}", reference_keys(node)
        secret = aws.secretsmanager.Secret(
            name,
            description="Numerai API keys of the prediction nodes",
            # The keys are in the stack's configuration, so recovery is not needed, and the name can be reused at once.
            recovery_window_in_days=0,
            region=region,
            tags=stack.tags(),
            opts=own,
        )
        values = {variable: stack.keys[key] for variable, key in names.items()}
        version = aws.secretsmanager.SecretVersion(
            name,
            secret_id=secret.id,
            secret_string=pulumi.Output.json_dumps(values),
            region=region,
            opts=own,
        )
        self.secret = secret
        # The key in the secret's JSON; its newest version.
        self.keys = {variable: pulumi.Output.concat(secret.arn, f":{variable}::") for variable in names}
        self.role = roles.create_role(
            f"aws-{region}-run{suffix}",
            roles.build_trust_policy("ecs-tasks.amazonaws.com"),
            stack.tags(),
            own,
            "Pulls images and keys for prediction nodes",
        )
        policy = roles.attach_policy(
            f"aws-{region}-run{suffix}",
            self.role,
            pulumi.Output.all(repositories, logs.arn, secret.arn).apply(
                lambda arns: roles.build_execution_policy(*arns)
            ),
            own,
        )
        self.grants: list[pulumi.Resource] = [policy, version]
