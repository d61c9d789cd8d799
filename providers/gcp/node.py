"""One prediction node on Google Cloud: its image, its Cloud Run job, and its row in the trigger's table.

Cloud Scheduler calls the trigger with the token in a header. It needs no account, since a public function's OIDC tokens
are not checked.
"""

from __future__ import annotations

import base64

import pulumi
import pulumi_gcp as gcp

from nodefile import Node, variables
from providers import component
from providers.gcp import limits, names, roles
from providers.gcp.cluster import Cluster
from providers.gcp.image import Image
from providers.gcp.job_identity import name_identity
from providers.gcp.services import find_scheduler_region
from providers.gcp.trigger import SECONDS


class PredictionNode(component.PredictionNode):
    """A node of nodes.yaml with `cloud: gcp`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: component.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("gcp", node, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.image = Image(node, cluster, stack, own).image
        job = self._create_job(cluster, stack)
        row = self._serve(job, cluster, stack)
        if node.schedule:
            self._create_schedule(cluster, stack, row)
        self.job = job.id
        self.console_url = pulumi.Output.concat(
            "https://console.cloud.google.com/run/jobs/details/",
            cluster.region,
            "/",
            job.name,
            "/executions?project=",
            cluster.project,
        )
        self.facts = {"trigger": cluster.trigger.function}
        self.finish(stack, cluster.trigger.url)

    def _create_job(self, cluster: Cluster, stack: component.Stack) -> gcp.cloudrunv2.Job:
        node, run = self.node, gcp.cloudrunv2
        identity = cluster.identities[name_identity(node)]
        plain = variables.list_constants(node, stack.model_ids[node.name])
        env = [run.JobTemplateTemplateContainerEnvArgs(name=key, value=value) for key, value in plain.items()]
        references = component.reference_keys(node) | {name: name for name in node.secrets}
        env += [_reference_secret(key, *cluster.secrets[name]) for key, name in references.items()]
        container = run.JobTemplateTemplateContainerArgs(
            name="node",
            image=self.image,
            # `args` replaces the image's CMD but not its ENTRYPOINT, as on the other clouds.
            args=list(node.command) if node.command else None,
            envs=env,
            resources=run.JobTemplateTemplateContainerResourcesArgs(limits=limits.fit(node).limits),
        )
        return run.Job(
            node.name,
            location=cluster.region,
            # With the provider's default, a removed node could not be deleted.
            deletion_protection=False,
            template=run.JobTemplateArgs(
                task_count=1,
                template=run.JobTemplateTemplateArgs(
                    service_account=identity.email,
                    # Cloud Run counts every failed attempt alike, also one whose model failed after it had submitted.
                    # With the default of 3, such a run could submit up to four times.
                    max_retries=0,
                    timeout=f"{node.timeout}s",
                    containers=[container],
                ),
            ),
            labels=names.build_labels(stack.tags(node)),
            # Google refuses to create a job whose account cannot read its secrets.
            opts=pulumi.ResourceOptions(parent=self, depends_on=identity.grants),
        )

    def _serve(self, job: gcp.cloudrunv2.Job, cluster: Cluster, stack: component.Stack) -> pulumi.Resource:
        """Let the trigger start the job, then add the node to its table. Returns the row."""
        node, trigger = self.node, cluster.trigger
        start = gcp.cloudrunv2.JobIamMember(
            f"{node.name}-start",
            location=cluster.region,
            name=job.name,
            role=trigger.role.name,
            member=roles.name_member(trigger.account),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return gcp.storage.BucketObject(
            node.name,
            bucket=cluster.bucket.name,
            # A change of the row is another name: the new object is created before the old one is deleted.
            name=pulumi.Output.concat(
                "table/",
                self.write_row(stack, job.name, cluster.name_keys(node.account), cluster.alerts.write_column(node)),
            ),
            content="The name of this object is a row of the trigger's table.\n",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[job, start, trigger]),
        )

    def _create_schedule(self, cluster: Cluster, stack: component.Stack, row: pulumi.Resource) -> None:
        node, schedule = self.node, self.node.schedule
        assert schedule is not None
        gcp.cloudscheduler.Job(
            node.name,
            region=find_scheduler_region(cluster.region),
            description=f"schedule of prediction node {node.name}",
            # Cloud Scheduler documents the names of days and months in capitals only.
            schedule=schedule.cron.upper(),
            time_zone=schedule.timezone,
            paused=not node.enabled,
            attempt_deadline=f"{SECONDS}s",
            retry_config=gcp.cloudscheduler.JobRetryConfigArgs(retry_count=3),
            http_target=gcp.cloudscheduler.JobHttpTargetArgs(
                http_method="POST",
                uri=pulumi.Output.concat(cluster.trigger.url, "/schedule/", stack.model_ids[node.name]),
                headers={"Content-Type": "application/json", "X-Trigger-Token": stack.token(node)},
                body=base64.b64encode(b"{}").decode(),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[row]),
        )


def _reference_secret(
    key: str, secret: pulumi.Output[str], version: pulumi.Output[str]
) -> gcp.cloudrunv2.JobTemplateTemplateContainerEnvArgs:
    # The version's number instead of "latest", so that a new key changes the job in the same `up`.
    source = gcp.cloudrunv2.JobTemplateTemplateContainerEnvValueSourceArgs(
        secret_key_ref=gcp.cloudrunv2.JobTemplateTemplateContainerEnvValueSourceSecretKeyRefArgs(
            secret=secret, version=version
        )
    )
    return gcp.cloudrunv2.JobTemplateTemplateContainerEnvArgs(name=key, value_source=source)
