"""What the AWS nodes of one region share: network, Batch queue, claim bucket, Numerai's keys, job log, image builder.

Nothing in it costs money at rest but the two secrets: a Fargate environment is an entry in a table, the network has no
NAT gateway (jobs get a public address and nobody can call them), the builder exists while it builds. It is made with
the region's first node and gone with its last.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers.aws import limits, names, roles
from providers.aws.builder import Builder
from providers.aws.machines import Machines
from providers.aws.network import Network
from providers.contract import TYPE_PREFIX, Stack

LOG_DAYS = 30
CLAIM_DAYS = 30
SOURCE_DAYS = 7
# What all runs of a region may use at once: a bound for the bill. Fargate bills what runs, not what might.
MAX_VCPUS = 256


class Cluster(pulumi.ComponentResource):
    """The shared parts of one region. Its attributes are what nodes refer to."""

    account: pulumi.Output[str]
    partition: pulumi.Output[str]
    """aws, or another of Amazon's worlds with accounts and ARNs of its own (aws-us-gov)."""

    def __init__(
        self, region: str, nodes: Sequence[Node], stack: Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self.name = f"aws-{region}"
        super().__init__(f"{TYPE_PREFIX}:aws:Cluster", self.name, None, opts)
        self.region = region
        self._own = pulumi.ResourceOptions(parent=self)
        self._tags = stack.tags()
        caller = aws.get_caller_identity_output()
        self.account = caller.account_id
        self.partition = caller.arn.apply(lambda arn: arn.split(":")[1])
        self._bucket()
        self._keys(nodes, stack)
        self.logs = self.log_group(f"{self.name}-jobs")
        self.network = Network(self.name, region, self._tags, self._own)
        self._queues(nodes)
        self._scheduler(nodes, stack)
        self.builder = Builder(
            self.name,
            region,
            self.bucket,
            pulumi.Output.concat(
                self.arn("ecr", "repository"), "/", names.repositories(stack.project, stack.name), "/*"
            ),
            self.log_group(f"{self.name}-build"),
            self._tags,
            self._own,
        )
        self.register_outputs({"bucket": self.bucket.bucket})

    def arn(self, service: str, kind: str) -> pulumi.Output[str]:
        """The beginning of ARNs of a kind of thing in this account and region."""
        return pulumi.Output.concat("arn:", self.partition, f":{service}:{self.region}:", self.account, f":{kind}")

    def log_group(
        self, name: str, tags: dict[str, str] | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> aws.cloudwatch.LogGroup:
        """A log group that forgets."""
        return aws.cloudwatch.LogGroup(
            name, retention_in_days=LOG_DAYS, region=self.region, tags=tags or self._tags, opts=opts or self._own
        )

    def _bucket(self) -> None:
        # Emptied when it goes: a destroy must not stop at old claims.
        self.bucket = aws.s3.Bucket(self.name, force_destroy=True, region=self.region, tags=self._tags, opts=self._own)
        aws.s3.BucketPublicAccessBlock(
            self.name,
            bucket=self.bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            region=self.region,
            opts=self._own,
        )
        aws.s3.BucketLifecycleConfiguration(
            self.name,
            bucket=self.bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id=folder,
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=f"{folder}/"),
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
                )
                for folder, days in ((roles.CLAIMS, CLAIM_DAYS), (roles.SOURCES, SOURCE_DAYS))
            ],
            region=self.region,
            opts=self._own,
        )

    def _keys(self, nodes: Sequence[Node], stack: Stack) -> None:
        # One pair for all nodes of an account: it is the same key, so a pair each would keep nobody from anything.
        values = stack.keys_of(nodes)
        self.secrets = {name: self._secret(name) for name in values}
        self.secret_versions = {
            name: aws.secretsmanager.SecretVersion(
                f"{name}-{self.region}",
                secret_id=self.secrets[name].id,
                secret_string=value,
                region=self.region,
                opts=self._own,
            )
            for name, value in values.items()
        }

    def _secret(self, name: str) -> aws.secretsmanager.Secret:
        return aws.secretsmanager.Secret(
            f"{name}-{self.region}",
            description="Numerai API key of the prediction nodes",
            # The value comes from the stack's configuration: there is nothing to recover, and the name is free again.
            recovery_window_in_days=0,
            region=self.region,
            tags=self._tags,
            opts=self._own,
        )

    def _queues(self, nodes: Sequence[Node]) -> None:
        """A queue for Fargate and, for the nodes that need machines of EC2's, one for those."""
        fits = [limits.fit(node) for node in nodes]
        self.queues: dict[str, aws.batch.JobQueue] = {}
        if any(fit.platform == limits.FARGATE for fit in fits):
            environment = aws.batch.ComputeEnvironment(
                self.name,
                # No service role: Batch's own service-linked role may do what it needs, and can be updated in place.
                type="MANAGED",
                state="ENABLED",
                compute_resources=aws.batch.ComputeEnvironmentComputeResourcesArgs(
                    type="FARGATE",
                    max_vcpus=MAX_VCPUS,
                    subnets=self.network.subnets,
                    security_group_ids=[self.network.security_group.id],
                ),
                region=self.region,
                tags=self._tags,
                # Neither refers to the other, but without routes a draining environment could not go.
                opts=pulumi.ResourceOptions(parent=self, depends_on=self.network.routes),
            )
            self.queues[limits.FARGATE] = self._queue(self.name, environment)
        disks = [fit.disk for fit in fits if fit.platform == limits.EC2 and fit.disk]
        if disks:
            machines = Machines(f"{self.name}-ec2", self.region, max(disks), self.network, self._tags, self._own)
            self.queues[limits.EC2] = self._queue(f"{self.name}-ec2", machines.environment)

    def _queue(self, name: str, environment: aws.batch.ComputeEnvironment) -> aws.batch.JobQueue:
        return aws.batch.JobQueue(
            name,
            state="ENABLED",
            priority=1,
            compute_environment_orders=[
                aws.batch.JobQueueComputeEnvironmentOrderArgs(order=1, compute_environment=environment.arn)
            ],
            region=self.region,
            tags=self._tags,
            opts=self._own,
        )

    def _scheduler(self, nodes: Sequence[Node], stack: Stack) -> None:
        """One role for all schedules: only EventBridge Scheduler can take it on, for schedules of this group, and it
        may call the functions of the nodes that have one."""
        scheduled = sorted(node.name for node in nodes if node.schedule)
        if not scheduled:
            return
        name = f"{self.name}-schedules"
        self.schedules = aws.scheduler.ScheduleGroup(name, region=self.region, tags=self._tags, opts=self._own)
        assume = pulumi.Output.all(self.account, self.schedules.arn).apply(
            # The group's ARN: a single schedule's does not work here.
            lambda known: roles.trust(
                "scheduler.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": known[0]}, "ArnLike": {"aws:SourceArn": known[1]}},
            )
        )
        self.scheduler = roles.role(name, assume, self._tags, self._own, "Calls the triggers of nodes with a schedule")
        functions = self.arn("lambda", "function")
        self.scheduler_policy = roles.attach(
            name,
            self.scheduler,
            functions.apply(
                lambda prefix: roles.scheduler(
                    [f"{prefix}:{names.function(stack.project, stack.name, node)}" for node in scheduled]
                )
            ),
            self._own,
        )
