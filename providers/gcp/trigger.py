"""A node's trigger on Google Cloud: a function whose account may start this node's job and create its claims.

The function is public, since Numerai cannot sign its calls; its code checks the token. An organisation with domain
restricted sharing forbids allUsers and so refuses the member NODE-public: its administrator must exempt the project.
Cloud Scheduler calls the same URL with the token in a header. It needs no account, since a public function's OIDC
tokens are not checked.
"""

from __future__ import annotations

import base64

import pulumi
import pulumi_gcp as gcp

from nodefile import Node
from providers.component import TYPE_PREFIX, Stack
from providers.gcp import names, roles
from providers.gcp.archive import ARCHIVE
from providers.gcp.cluster import Cluster

PYTHON = "python313"
# A whole vCPU: with the default for so little memory, a cold start takes longer than Numerai waits for an answer.
CPU, MEMORY, SECONDS = "1", "512Mi", 60
MAX_INSTANCES, REQUESTS = 3, 8


class Trigger(pulumi.ComponentResource):
    """The webhook of one node."""

    url: pulumi.Output[str]
    """https://HOST, without a slash at the end."""
    function: pulumi.Output[str]
    """The name of the function and of its Cloud Run service."""

    def __init__(
        self,
        node: Node,
        cluster: Cluster,
        job: gcp.cloudrunv2.Job,
        stack: Stack,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{TYPE_PREFIX}:gcp:Trigger", node.name, None, opts)
        self._node, self._cluster, self._labels = node, cluster, names.build_labels(stack.tags(node))
        self._own = pulumi.ResourceOptions(parent=self)
        self.account = gcp.serviceaccount.Account(
            f"{node.name}-trigger",
            account_id=names.name_account(node.name, "trg", cluster.digits),
            display_name=f"trigger of prediction node {node.name}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=cluster.services),
        )
        self._create_grants(job)
        function = self._create_function(job, stack)
        self.function = function.name
        self.url = function.service_config.apply(lambda config: str(config.uri) if config and config.uri else "")
        gcp.cloudrunv2.ServiceIamMember(
            f"{node.name}-public",
            location=cluster.region,
            name=function.name,
            role="roles/run.invoker",
            member="allUsers",
            opts=self._own,
        )
        if node.schedule:
            self._create_schedule(stack)
        self.register_outputs({"url": self.url})

    def _create_grants(self, job: gcp.cloudrunv2.Job) -> None:
        node, cluster, member = self._node, self._cluster, roles.name_member(self.account)
        gcp.cloudrunv2.JobIamMember(
            f"{node.name}-start",
            location=cluster.region,
            name=job.name,
            role=cluster.runner.name,
            member=member,
            opts=self._own,
        )
        gcp.storage.BucketIAMMember(
            f"{node.name}-claim",
            bucket=cluster.bucket.name,
            role=cluster.claimer.name,
            member=member,
            condition=gcp.storage.BucketIAMMemberConditionArgs(
                title="claims",
                expression=cluster.bucket.name.apply(lambda bucket: roles.build_claims_condition(bucket, node.name)),
            ),
            opts=self._own,
        )

    def _create_function(self, job: gcp.cloudrunv2.Job, stack: Stack) -> gcp.cloudfunctionsv2.Function:
        node, cluster, functions = self._node, self._cluster, gcp.cloudfunctionsv2
        return functions.Function(
            node.name,
            location=cluster.region,
            description=f"webhook of prediction node {node.name}",
            build_config=functions.FunctionBuildConfigArgs(
                runtime=PYTHON,
                entry_point="webhook",
                service_account=cluster.packager.id,
                docker_repository=cluster.triggers.id,
                source=functions.FunctionBuildConfigSourceArgs(
                    storage_source=functions.FunctionBuildConfigSourceStorageSourceArgs(
                        bucket=cluster.bucket.name, object=cluster.trigger_source.name
                    )
                ),
            ),
            service_config=functions.FunctionServiceConfigArgs(
                available_cpu=CPU,
                available_memory=MEMORY,
                timeout_seconds=SECONDS,
                max_instance_count=MAX_INSTANCES,
                # A slow call must not make the next call wait for another instance.
                max_instance_request_concurrency=REQUESTS,
                min_instance_count=0,
                ingress_settings="ALLOW_ALL",
                all_traffic_on_latest_revision=True,
                service_account_email=self.account.email,
                environment_variables={
                    "NODE_NAME": node.name,
                    "MODEL_ID": stack.model_ids[node.name],
                    "TOKEN_SHA256": stack.token_sha256(node),
                    "NODE_ENABLED": "1" if node.enabled else "0",
                    "PACKAGE": ARCHIVE.digest(),
                    "JOB": job.id,
                    "CLAIMS_BUCKET": cluster.bucket.name,
                },
            ),
            labels=self._labels,
            opts=pulumi.ResourceOptions(parent=self, depends_on=cluster.packager_grants),
        )

    def _create_schedule(self, stack: Stack) -> None:
        node, schedule = self._node, self._node.schedule
        assert schedule is not None
        gcp.cloudscheduler.Job(
            node.name,
            region=self._cluster.region,
            description=f"schedule of prediction node {node.name}",
            # Cloud Scheduler documents the names of days and months in capitals only.
            schedule=schedule.cron.upper(),
            time_zone=schedule.timezone,
            paused=not node.enabled,
            attempt_deadline=f"{SECONDS}s",
            retry_config=gcp.cloudscheduler.JobRetryConfigArgs(retry_count=3),
            http_target=gcp.cloudscheduler.JobHttpTargetArgs(
                http_method="POST",
                uri=pulumi.Output.concat(self.url, "/schedule/", stack.model_ids[node.name]),
                headers={"Content-Type": "application/json", "X-Trigger-Token": stack.token(node)},
                body=base64.b64encode(b"{}").decode(),
            ),
            opts=self._own,
        )
