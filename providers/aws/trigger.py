"""A region's trigger on AWS: a Lambda function with a public URL, whose role may start the jobs of this stack's nodes.

The URL is public (authorization type NONE), since Numerai cannot sign its calls. The token in the URL protects it;
`trigger.core` checks the token first. The provider itself adds the two statements that a public URL needs
(lambda:InvokeFunctionUrl and lambda:InvokeFunction by URL); declaring them here would conflict.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from providers.aws import limits, names, roles
from providers.aws.archive import ARCHIVE
from providers.component import TYPE_PREFIX, Stack

RUNTIME = "python3.13"
# Lambda allots CPU in proportion to memory. With this much, a cold start takes a fraction of a second.
MEMORY_MB = 512
TIMEOUT_SECONDS = 60


class Trigger(pulumi.ComponentResource):
    """The webhook of a region's nodes."""

    url: pulumi.Output[str]
    """https://ID.lambda-url.REGION.on.aws/"""
    function: aws.lambda_.Function
    role: aws.iam.Role
    logs: aws.cloudwatch.LogGroup

    def __init__(
        self,
        name: str,
        region: str,
        logs: aws.cloudwatch.LogGroup,
        bucket: aws.s3.Bucket,
        definitions: pulumi.Output[str],
        queues: Mapping[str, pulumi.Output[str]],
        environment: Mapping[str, pulumi.Output[str]],
        stack: Stack,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`definitions` is the pattern for the ARNs of the stack's job definitions, `queues` are ARNs by platform.

        `environment` has more variables of the function.
        """
        super().__init__(f"{TYPE_PREFIX}:aws:Trigger", name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.logs = logs
        role = self.role = roles.create_role(
            f"{name}-trigger",
            roles.build_trust_policy("lambda.amazonaws.com"),
            stack.tags(),
            own,
            "Trigger of prediction nodes",
        )
        # Other queues make another policy, so that the old one is removed last: until its new job is ready, the last
        # node of a platform is started on its old queue.
        platforms = [] if list(queues) == [limits.FARGATE] else sorted(queues)
        policy = roles.attach_policy(
            "-".join([name, "trigger", *platforms]).lower(),
            role,
            pulumi.Output.all(logs.arn, bucket.arn, definitions, *queues.values()).apply(
                lambda arns: roles.build_trigger_policy(arns[0], arns[1], arns[2], arns[3:])
            ),
            own,
        )
        files = ARCHIVE.files()
        self.function = aws.lambda_.Function(
            name,
            name=names.name_function(stack.project, stack.name),
            description="Webhook of prediction nodes",
            role=role.arn,
            runtime=RUNTIME,
            handler="index.handler",
            memory_size=MEMORY_MB,
            timeout=TIMEOUT_SECONDS,
            code=pulumi.AssetArchive({file: pulumi.StringAsset(text) for file, text in files.items()}),
            # Without a group, Lambda would create its own, which keeps logs for ever and is not deleted with it.
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=logs.name),
            environment=aws.lambda_.FunctionEnvironmentArgs(
                variables={"BUCKET": bucket.bucket, "PACKAGE": ARCHIVE.digest(), **environment}
            ),
            # No reserved concurrency: new accounts may have too little, and claims prevent duplicate runs anyway.
            region=region,
            tags=stack.tags(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.url = aws.lambda_.FunctionUrl(
            name, function_name=self.function.name, authorization_type="NONE", region=region, opts=own
        ).function_url
        self.register_outputs({"url": self.url})
