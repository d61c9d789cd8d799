"""The keys of one Numerai account in a region, and the role that starts the containers of the account's jobs.

The role belongs to the container agent, which pulls the image, reads the keys and writes the log. The code in the
container does not get it. Each account has its own role, so no job can be given the keys of another account. The users'
own secrets are in another secret than the keys, which the trigger may read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers.aws import roles
from providers.component import Stack, reference_keys


class JobIdentity:
    """The `role`, the `keys` and the `own` secrets as references by the container's variables, and `grants`: what a
    first run needs too.

    `secret` holds both keys.
    """

    def __init__(
        self,
        region: str,
        nodes: Sequence[Node],
        stack: Stack,
        repositories: pulumi.Output[str],
        logs: aws.cloudwatch.LogGroup,
        own: pulumi.ResourceOptions,
    ) -> None:
        """`nodes` are those of the account, `repositories` is an ARN with /*."""
        account = nodes[0].account
        suffix = f"-{account}" if account else ""
        keys = {variable: stack.keys[key] for variable, key in reference_keys(nodes[0]).items()}
        self._region, self._tags, self._opts = region, stack.tags(), own
        self.grants: list[pulumi.Resource] = []
        title = "Numerai API keys of the prediction nodes"
        self.secret, self.keys = self._store(f"numerai-keys{suffix}-{region}", title, keys)
        arns, self.own = [self.secret.arn], dict[str, pulumi.Output[str]]()
        if secrets := stack.select_secrets(nodes):
            title = "Secrets of the prediction nodes' models"
            secret, self.own = self._store(f"node-secrets{suffix}-{region}", title, secrets)
            arns.append(secret.arn)
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
            pulumi.Output.all(repositories, logs.arn, *arns).apply(lambda arns: roles.build_execution_policy(*arns)),
            own,
        )
        self.grants.append(policy)

    def _store(
        self, name: str, title: str, values: Mapping[str, pulumi.Output[str]]
    ) -> tuple[aws.secretsmanager.Secret, dict[str, pulumi.Output[str]]]:
        """Create one secret with all values by the container's variables. Returns it with the references to them."""
        secret = aws.secretsmanager.Secret(
            name,
            description=title,
            # The values are in the stack's configuration, so recovery is not needed, and the name can be reused at
            # once.
            recovery_window_in_days=0,
            region=self._region,
            tags=self._tags,
            opts=self._opts,
        )
        version = aws.secretsmanager.SecretVersion(
            name,
            secret_id=secret.id,
            secret_string=pulumi.Output.json_dumps(dict(values)),
            region=self._region,
            opts=self._opts,
        )
        self.grants.append(version)
        # The key in the secret's JSON; its newest version.
        return secret, {variable: pulumi.Output.concat(secret.arn, f":{variable}::") for variable in values}
