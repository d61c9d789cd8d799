"""One prediction node on Google Cloud: image, Cloud Run job and trigger, in ten resources (eleven with a schedule)."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from nodefile import Node, variables
from providers import component
from providers.gcp import limits, names, roles
from providers.gcp.cluster import Cluster
from providers.gcp.image import Image
from providers.gcp.trigger import Trigger


class PredictionNode(component.PredictionNode):
    """A node of nodes.yaml with `cloud: gcp`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: component.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("gcp", node, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.image = Image(node, cluster, stack, own).image
        job = self._create_job(cluster, stack)
        trigger = Trigger(node, cluster, job, stack, own)
        self.job = job.id
        self.console_url = pulumi.Output.concat(
            "https://console.cloud.google.com/run/jobs/details/",
            cluster.region,
            "/",
            job.name,
            "/executions?project=",
            cluster.project,
        )
        self.facts = {"trigger": trigger.function}
        self.finish(stack, trigger.url)

    def _create_job(self, cluster: Cluster, stack: component.Stack) -> gcp.cloudrunv2.Job:
        node, run = self.node, gcp.cloudrunv2
        account = gcp.serviceaccount.Account(
            f"{node.name}-job",
            account_id=names.name_account(node.name, "job", cluster.digits),
            display_name=f"job of prediction node {node.name}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=cluster.services),
        )
        readable = [
            gcp.secretmanager.SecretIamMember(
                f"{node.name}-{name}",
                secret_id=cluster.secrets[name][0],
                role="roles/secretmanager.secretAccessor",
                member=roles.name_member(account),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for name in component.reference_keys(node).values()
        ]
        plain = variables.list_constants(node, stack.model_ids[node.name])
        env = [run.JobTemplateTemplateContainerEnvArgs(name=key, value=value) for key, value in plain.items()]
        env += [_reference_secret(key, *cluster.secrets[name]) for key, name in component.reference_keys(node).items()]
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
                    service_account=account.email,
                    # With the default of 3, a failed run could submit up to four times.
                    max_retries=0,
                    timeout=f"{node.timeout}s",
                    containers=[container],
                ),
            ),
            labels=names.build_labels(stack.tags(node)),
            # Google refuses to create a job whose account cannot read its secrets.
            opts=pulumi.ResourceOptions(parent=self, depends_on=readable),
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
