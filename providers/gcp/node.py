"""One prediction node on Google Cloud: image, Cloud Run job, trigger. Ten resources, eleven with a schedule."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from nodefile import Node, variables
from providers import contract
from providers.gcp import limits, names, roles
from providers.gcp.cluster import Cluster
from providers.gcp.image import Image
from providers.gcp.trigger import Trigger


class PredictionNode(contract.PredictionNode):
    """A node of nodes.yaml with `cloud: gcp`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: contract.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("gcp", node, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.image = Image(node, cluster, stack, own).image
        job = self._job(cluster, stack)
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

    def _job(self, cluster: Cluster, stack: contract.Stack) -> gcp.cloudrunv2.Job:
        node, run = self.node, gcp.cloudrunv2
        account = gcp.serviceaccount.Account(
            f"{node.name}-job",
            account_id=names.account(node.name, "job", cluster.digits),
            display_name=f"job of prediction node {node.name}",
            opts=pulumi.ResourceOptions(parent=self, depends_on=cluster.services),
        )
        readable = [
            gcp.secretmanager.SecretIamMember(
                f"{node.name}-{name}",
                secret_id=cluster.secrets[name][0],
                role="roles/secretmanager.secretAccessor",
                member=roles.member(account),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for name in contract.key_references(node).values()
        ]
        plain = variables.list_constants(node, stack.model_ids[node.name])
        env = [run.JobTemplateTemplateContainerEnvArgs(name=key, value=value) for key, value in plain.items()]
        env += [self._reference(key, *cluster.secrets[name]) for key, name in contract.key_references(node).items()]
        container = run.JobTemplateTemplateContainerArgs(
            name="node",
            image=self.image,
            # `args` takes the place of the image's CMD and leaves its ENTRYPOINT, as on the other clouds.
            args=list(node.command) if node.command else None,
            envs=env,
            resources=run.JobTemplateTemplateContainerResourcesArgs(limits=limits.fit(node).limits),
        )
        return run.Job(
            node.name,
            location=cluster.region,
            # The provider's default would keep a removed node.
            deletion_protection=False,
            template=run.JobTemplateArgs(
                task_count=1,
                template=run.JobTemplateTemplateArgs(
                    service_account=account.email,
                    # The default is 3: a failed run would submit up to four times.
                    max_retries=0,
                    timeout=f"{node.timeout}s",
                    containers=[container],
                ),
            ),
            labels=names.labels(stack.tags(node)),
            # A job that refers to secrets which its account cannot read is refused at creation.
            opts=pulumi.ResourceOptions(parent=self, depends_on=readable),
        )

    @staticmethod
    def _reference(
        key: str, secret: pulumi.Output[str], version: pulumi.Output[str]
    ) -> gcp.cloudrunv2.JobTemplateTemplateContainerEnvArgs:
        # The version's number, not "latest": a new key is then a change of the job in the same `up`.
        source = gcp.cloudrunv2.JobTemplateTemplateContainerEnvValueSourceArgs(
            secret_key_ref=gcp.cloudrunv2.JobTemplateTemplateContainerEnvValueSourceSecretKeyRefArgs(
                secret=secret, version=version
            )
        )
        return gcp.cloudrunv2.JobTemplateTemplateContainerEnvArgs(name=key, value_source=source)
