"""The resources that the AWS nodes of one region share: trigger, network, Batch queues, bucket, keys, logs, builder.

While no job runs, only the secret with the keys costs money: a Fargate environment is free, the network has no NAT
gateway (jobs get a public address but accept no connections), and the builder is billed per build. The cluster is
created with the first node of a region and deleted with the last.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers.aws import limits, names, roles
from providers.aws.alerts import Alerts
from providers.aws.builder import Builder
from providers.aws.job_identity import JobIdentity
from providers.aws.machines import Machines
from providers.aws.network import Network
from providers.aws.trigger import Trigger
from providers.component import TYPE_PREFIX, WATCH_MINUTES, Stack
from providers.numerai.keys import list_accounts

LOG_DAYS = 30
# Claims and marks are the nodes' history, which `pnodes history` shows for 90 days.
CLAIM_DAYS = 95
SOURCE_DAYS = 7
# The vCPUs that all runs of a region may use at once. It limits the bill; unused vCPUs cost nothing.
MAX_VCPUS = 256


class Cluster(pulumi.ComponentResource):
    """The shared resources of one region. Nodes refer to its attributes."""

    account: pulumi.Output[str]
    partition: pulumi.Output[str]
    """The first part of ARNs: aws, or another partition such as aws-us-gov."""

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
        repositories = self._build_arn("ecr", f"repository/{names.name_repository_folder(stack.project, stack.name)}/*")
        self._create_bucket()
        self.logs = self._create_log_group("jobs")
        self.identities = {
            account: JobIdentity(
                region,
                [node for node in nodes if node.account == account],
                stack,
                repositories,
                self.logs,
                self._own,
            )
            for account in list_accounts(nodes)
        }
        """By Numerai account."""
        self.network = Network(self.name, region, self._tags, self._own)
        self._create_queues(nodes)
        self.alerts = Alerts(self.name, region, nodes, stack, self._own)
        self.trigger = Trigger(
            self.name,
            region,
            self._create_log_group("trigger"),
            self.bucket,
            self._build_arn("batch", f"job-definition/{names.name_definition(stack.project, stack.name, '*')}"),
            {platform: queue.arn for platform, queue in self.queues.items()},
            self.alerts.environment,
            stack,
            self._own,
        )
        self.alerts.grant(self.trigger.role, self.logs)
        watched = [node for node in nodes if node.watch.enabled]
        if watched or any(node.schedule for node in nodes):
            self._create_scheduler(stack)
        if watched:
            self._create_watch(watched)
        self.builder = Builder(
            self.name, region, self.bucket, repositories, self._create_log_group("build"), self._tags, self._own
        )
        self.register_outputs({"bucket": self.bucket.bucket})

    def _build_arn(self, service: str, resource: str) -> pulumi.Output[str]:
        return pulumi.Output.concat("arn:", self.partition, f":{service}:{self.region}:", self.account, f":{resource}")

    def _create_log_group(self, what: str) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            f"{self.name}-{what}", retention_in_days=LOG_DAYS, region=self.region, tags=self._tags, opts=self._own
        )

    def _create_bucket(self) -> None:
        # `force_destroy` deletes the objects too: old claims must not make a `destroy` fail.
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

    def _create_queues(self, nodes: Sequence[Node]) -> None:
        """Create a queue for Fargate and one for each size of EC2 machines, if a node needs it.

        Nodes that leave do not change the machines of the others, and those of no node are deleted at the end of an
        `up`. With one size for all, an `up` that moves a node away would shrink its disk before the node has moved.
        """
        needed = {limits.fit(node).queue for node in nodes}
        self.queues: dict[str, aws.batch.JobQueue] = {}
        if limits.FARGATE in needed:
            environment = aws.batch.ComputeEnvironment(
                self.name,
                # No service role: Batch's service-linked role suffices, and only with it can it be updated in place.
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
                # There is no reference between them, but without routes a draining environment could not be deleted.
                opts=pulumi.ResourceOptions(parent=self, depends_on=self.network.routes),
            )
            self.queues[limits.FARGATE] = self._create_queue(self.name, environment)
        for key in sorted(needed - {limits.FARGATE}):
            name, disk = f"{self.name}-{key.lower()}", int(key.rpartition("-")[2])
            machines = Machines(name, self.region, disk, self.network, self._tags, self._own)
            self.queues[key] = self._create_queue(name, machines.environment)

    def _create_queue(self, name: str, environment: aws.batch.ComputeEnvironment) -> aws.batch.JobQueue:
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

    def _create_watch(self, nodes: Sequence[Node]) -> None:
        """Call the trigger regularly, and let it read the keys of the watched nodes' accounts."""
        for account in list_accounts(nodes):
            identity = self.identities[account]
            roles.attach_policy(
                f"{self.name}-watch{f'-{account}' if account else ''}",
                self.trigger.role,
                identity.secret.arn.apply(roles.build_keys_policy),
                self._own,
            )
        aws.scheduler.Schedule(
            f"{self.name}-watch",
            group_name=self.schedules.name,
            description="Watches the rounds of the region's prediction nodes",
            schedule_expression=f"cron(0/{WATCH_MINUTES} * * * ? *)",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=self.trigger.function.arn,
                role_arn=self.scheduler.arn,
                input='{"source":"watch"}',
                # The next pass does what this one could not.
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(maximum_retry_attempts=0),
            ),
            region=self.region,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.scheduler_policy]),
        )

    def _create_scheduler(self, stack: Stack) -> None:
        """Create the schedule group and one role for all schedules.

        Only EventBridge Scheduler can assume the role, for schedules of this group. The role may call the trigger.
        """
        name = f"{self.name}-schedules"
        self.schedules = aws.scheduler.ScheduleGroup(name, region=self.region, tags=self._tags, opts=self._own)
        assume = pulumi.Output.all(self.account, self.schedules.arn).apply(
            # The ARN must be the group's: the ARN of a schedule does not work here.
            lambda values: roles.build_trust_policy(
                "scheduler.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": values[0]}, "ArnLike": {"aws:SourceArn": values[1]}},
            )
        )
        self.scheduler = roles.create_role(name, assume, self._tags, self._own, "Calls the trigger for schedules")
        self.scheduler_policy = roles.attach_policy(
            # Another name than the policy had when each node had a function: schedules that call those keep working
            # until they are replaced.
            f"{name}-call",
            self.scheduler,
            self.trigger.function.arn.apply(roles.build_scheduler_policy),
            self._own,
        )
